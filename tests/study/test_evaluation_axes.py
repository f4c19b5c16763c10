"""Several depths and widths in the evaluation of a study: settings of their own, one search."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.cli.main import main
from bench.errors import ConfigurationError
from bench.records.schema import FinishedRecord
from bench.records.store import Store
from bench.study.file import load
from bench.study.model import Study

TEXT = """\
name: deep
methods: {darts: {}, random: {}}
datasets: [digits]
seeds: [0, 1]
baseline: random
data: {train_limit: 120, test_limit: 60}
space: {nodes: 1, cells: 3, channels: 2}
search: {epochs: 1, batch_size: 32}
evaluation:
  {epochs: 1, batch_size: 32, cells: 2, channels: 2, drop_path: 0.0, cutout: 0,
  auxiliary_weight: 0.0}
"""


def read(folder: Path, cells: str = "2", channels: str = "2", more: str = "") -> Study:
    path = folder / "deep.yaml"
    text = TEXT.replace("cells: 2, channels: 2", f"cells: {cells}, channels: {channels}")
    path.write_text(text + more, encoding="utf-8")
    return load(str(path))


def test_every_depth_and_width_is_a_setting_with_the_same_searches(tmp_path: Path) -> None:
    study = read(tmp_path, "[2, 4]", "[2, 3]")
    assert study.datasets == (
        "digits, 2 cells, 2 channels", "digits, 2 cells, 3 channels",
        "digits, 4 cells, 2 channels", "digits, 4 cells, 3 channels",
    )  # fmt: skip
    assert len(study.trials) == 2 * 2 * 4 == len({trial.id for trial in study.trials})
    assert len({trial.search_id for trial in study.trials}) == 4
    assert {trial.data.name for trial in study.trials} == {"digits"}


@pytest.mark.parametrize(("cells", "channels"), [("[2]", "2"), ("2", "[2]"), ("[2]", "[2]")])
def test_a_list_of_one_value_is_that_value(tmp_path: Path, cells: str, channels: str) -> None:
    one, other = read(tmp_path), read(tmp_path, cells, channels)
    assert one.trials == other.trials and other.datasets == ("digits",)


def test_a_depth_among_several_is_the_trial_that_it_is_alone(tmp_path: Path) -> None:
    alone = {trial.id for trial in read(tmp_path, "4").trials}
    assert alone < {trial.id for trial in read(tmp_path, "[2, 4]").trials}


@pytest.mark.parametrize(
    ("cells", "more", "message"),
    [
        ("[]", "", "evaluation.cells = []: must be a whole number, or a list of different ones"),
        ("[2, 2]", "", "evaluation.cells = [2, 2]: must be a whole number, or a list"),
        ("[2, 0]", "", "evaluation.cells = 0: must be a whole number, at least 1"),
        ("[2, x]", "", "evaluation.cells = \"x\": must be a whole number"),
        ("[2, [3]]", "", r"evaluation.cells = [3]: must be a whole number"),
        ("[2, 3]", "base: darts\nablations: {a: {evaluation.cells: 5}}\n",
         "ablations.a: evaluation.cells has several values in every method"),
        ("[2, 3]", "base: darts\nablations: {a: {grid: {evaluation.cells: [5]}}}\n",
         "evaluation.cells has several values"),
    ],
)  # fmt: skip
def test_wrong_axes_are_one_line(tmp_path: Path, cells: str, more: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        read(tmp_path, cells, more=more)
    assert message in str(raised.value) and "\n" not in str(raised.value)


def test_variations_run_at_every_depth(tmp_path: Path) -> None:
    more = "base: darts\nablations: {slow: {evaluation.learning_rate: 0.01}}\n"
    study = read(tmp_path, "[2, 4]", more=more)
    slow = [trial for trial in study.trials if trial.label == "slow"]
    base = [trial for trial in study.trials if trial.label == "darts"]
    assert [trial.search_id for trial in slow] == [trial.search_id for trial in base]
    assert {getattr(trial.evaluation, "cells", None) for trial in slow} == {2, 4}


def test_the_gate_trains_its_cells_at_every_depth(tmp_path: Path) -> None:
    gate = read(tmp_path, "[2, 4]").gate
    assert gate is not None
    depths = {(trial.dataset, getattr(trial.evaluation, "cells", 0)) for trial in gate.trials}
    assert depths == {("digits, 2 cells", 2), ("digits, 4 cells", 4)}


def test_a_shown_study_with_axes_is_the_same_study(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    study = read(tmp_path, "[2, 4]")
    assert main(("show", "deep.yaml")) == 0
    shown = capsys.readouterr().out
    assert "2 methods x 1 data set x 2 seeds x 2 evaluations = 8 trials" in shown
    Path("shown.yaml").write_text(shown)
    assert [trial.id for trial in load("shown.yaml").trials] == [t.id for t in study.trials]


def test_the_mobile_skeleton_is_an_option_that_others_do_not_see(tmp_path: Path) -> None:
    plain, mobile = read(tmp_path), read(tmp_path, "2, skeleton: mobile")
    assert "skeleton" not in plain.trials[0].configuration()["evaluation"]
    assert mobile.trials[0].configuration()["evaluation"]["skeleton"] == "mobile"
    assert read(tmp_path, "2, skeleton: cifar").trials == plain.trials
    assert {t.search_id for t in plain.trials} == {t.search_id for t in mobile.trials}
    with pytest.raises(ConfigurationError, match=r"skeleton = .mobile.: networks of"):
        text = TEXT.replace("{nodes: 1", "{name: nas-bench-201").replace("darts: {}, ", "")
        (tmp_path / "n.yaml").write_text(text.replace("cells: 2,", "cells: 2, skeleton: mobile,"))
        load(str(tmp_path / "n.yaml"))


@pytest.mark.slow
def test_a_study_of_depths_from_end_to_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One search for both depths, the tables of the analysis, and a mobile leaderboard."""
    monkeypatch.chdir(tmp_path)
    read(tmp_path, "[2, 3], skeleton: mobile")
    assert main(("run", "deep.yaml", "--workers", "1", "--set", "seeds=[0]")) == 0
    store = Store(Path("results/deep"))
    records = [record for record in store if isinstance(record, FinishedRecord)]
    darts = [record for record in records if record.trial.label == "darts"]
    assert len(darts) == 2 and len({record.genotype_digest for record in darts}) == 1
    assert [record.search.reused is None for record in darts].count(True) == 1
    assert {record.trial.dataset for record in darts} == {"digits, 2 cells", "digits, 3 cells"}
    sizes = [record.evaluation.mobile for record in darts]
    assert all(size is not None and size.multiply_adds > 0 for size in sizes)
    written = {path.name for path in store.folder.iterdir()}
    assert {"depth.csv", "depth_cells.csv", "depth.md", "depth.png"} <= written
    page = (store.folder / "leaderboard.md").read_text()
    assert "The skeleton is mobile" in page and "within the budget" in page
    assert main(("report", "deep.yaml", "--set", "seeds=[0]")) == 0
    assert "at 2 and at 3 cells" in (store.folder / "report.html").read_text()
    capsys.readouterr()
