"""The figure of `bench speed`, by what its axes show."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import torch

from bench.speed import figure, report
from bench.speed.context import Context
from bench.speed.scales import SCALES

SAMPLES = {
    "fused": {"step": [1.0, 2.0, 1.0], "forward": [1.0, 1.0, 1.0]},
    "plain": {"step": [4.0, 8.0, 8.0], "forward": [0.5, 0.5, 0.5]},
}


def tables(folder: Path) -> list[Path]:
    context = Context(torch.device("cpu"), 1, 3, True, {"W1": 1.0})
    paths = []
    for name, scale in (("W1", "W1"), ("candidates, keep 0.5", "study")):
        rows = report.Section(name, scale, "fused").rows(SAMPLES)
        paths.append(report.write(folder, name[:2], rows, context, SCALES["W1"])[0])
    return paths


def test_one_panel_per_part_and_one_bar_per_ratio(tmp_path: Path) -> None:
    frame = pd.concat(map(pd.read_csv, tables(tmp_path))).dropna(subset="ratio")
    axes = figure.compose(frame).axes
    assert [axis.get_title() for axis in axes] == [
        "W1, against fused",
        "candidates, keep 0.5 (study), against fused",
    ]
    for axis in axes:
        labels = [label.get_text() for label in axis.get_yticklabels()]
        assert labels == ["plain: step", "plain: forward"]
        assert [bar.get_width() for bar in axis.patches] == [4.0, 0.5]
        (quartiles,) = axis.collections  # from low to high, at the bar's place
        ends = [[tuple(point) for point in line] for line in quartiles.get_segments()]
        assert ends == [[(4.0, 0), (6.0, 0)], [(0.5, 1), (0.5, 1)]]
        assert [tuple(line.get_xdata()) for line in axis.lines] == [(1, 1)]
    assert "times the reference" in axes[-1].get_xlabel() and not axes[0].get_xlabel()


def test_it_is_written_and_says_why_if_not(tmp_path: Path) -> None:
    written = tables(tmp_path)
    assert figure.draw(written, tmp_path / "speed.png") is None
    assert (tmp_path / "speed.png").read_bytes().startswith(b"\x89PNG")
    for path in written:
        frame = pd.read_csv(path)
        frame[frame["variant"] == "fused"].to_csv(path, index=False)
    assert figure.draw(written, tmp_path / "other.png") == "no figure: nothing was compared"
    assert not (tmp_path / "other.png").exists()
