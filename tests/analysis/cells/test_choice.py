"""Of many records the cells of each method's first seeds are drawn, of few all."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import synthetic

from analysis import cells


def test_each_method_has_as_many_cells_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    records = [
        synthetic.record(label, dataset, seed)
        for label in ("darts", "vinnas")
        for dataset in ("digits", "mnist")
        for seed in range(5)
    ]
    monkeypatch.setattr(cells, "MOST", len(records))
    assert cells.choose(records) == records
    monkeypatch.setattr(cells, "MOST", 9)
    chosen = cells.choose(records)
    assert [(r.trial.label, r.trial.dataset, r.trial.seed) for r in chosen] == [
        (label, dataset, seed)
        for label in ("darts", "vinnas")
        for dataset in ("digits", "mnist")
        for seed in (0, 1)
    ]
    monkeypatch.setattr(cells, "MOST", 1)
    assert len(cells.choose(records)) == 4


def test_drawings_of_trials_that_are_no_more_are_removed(tmp_path: Path) -> None:
    kept, gone = (synthetic.record("darts", "digits", seed) for seed in range(2))
    folder = tmp_path / "cells"
    folder.mkdir()
    mine = folder / "darts-of-mine.png"
    for path in (folder / f"{kept.trial.stem}.png", folder / f"{gone.trial.stem}.svg", mine):
        path.write_text("")
    cells.remove_others(tmp_path, [kept])
    assert {path.name for path in folder.iterdir()} == {f"{kept.trial.stem}.png", mine.name}
    cells.remove_others(tmp_path / "none", [kept])
