"""The option evaluation.parameters of a study file: what it means, and what cannot be meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.cli.main import main
from bench.records.schema import FinishedRecord
from bench.records.store import Store
from bench.study.file import load
from bench.study.writing import write_resolved
from bench.training.config import EvaluationConfig

TEXT = """\
name: equal
methods: [random]
datasets: [digits]
seeds: [0]
data: {train_limit: 120, test_limit: 60}
space: {name: darts, nodes: 1, cells: 3, channels: 2}
search: {epochs: 1, batch_size: 32}
evaluation:
  {epochs: 1, batch_size: 32, cells: 3, parameters: 2000, drop_path: 0.0, cutout: 0,
  auxiliary_weight: 0.0}
"""
TABULAR = TEXT.replace("darts, nodes: 1", "nas-bench-201").partition("evaluation:")[0]


def write(folder: Path, text: str = TEXT) -> str:
    path = folder / "equal.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_without_it_a_trial_is_the_one_that_it_was(tmp_path: Path) -> None:
    (equal,) = load(write(tmp_path)).trials
    (plain,) = load(write(tmp_path), ["evaluation.parameters=null"]).trials
    assert equal.configuration()["evaluation"]["parameters"] == 2000
    assert "parameters" not in plain.configuration()["evaluation"]
    assert plain.id != equal.id and plain.search_id == equal.search_id


def test_what_is_written_with_every_default_is_the_same_study(tmp_path: Path) -> None:
    study = load(write(tmp_path))
    written = {"name": "equal", "methods": {"random": {}}, "datasets": {"digits": {}}}
    text = "\n".join(write_resolved(study, {**written, "seeds": [0]}))
    assert "parameters: 2000" in text and "channels: 36" in text
    (trial,) = load(write(tmp_path, text)).trials
    assert trial.id == study.trials[0].id


def test_reference_cells_have_the_same_budget(tmp_path: Path) -> None:
    gate = load(write(tmp_path)).gate
    assert gate is not None
    evaluations = {trial.evaluation for trial in gate.trials}
    assert [getattr(one, "parameters", None) for one in evaluations] == [2000]


@pytest.mark.parametrize(
    ("evaluation", "study_parameters"),
    [("{parameters: 3000}", "channels: 8"), ("{parameters: 3000}", "parameters: 2000")],
)
def test_the_gate_may_have_a_budget_of_its_own(
    evaluation: str, study_parameters: str, tmp_path: Path
) -> None:
    text = TEXT.replace("parameters: 2000", study_parameters)
    gate = load(write(tmp_path, f"{text}gate: {{evaluation: {evaluation}}}\n")).gate
    assert gate is not None
    for trial in gate.trials:
        assert isinstance(trial.evaluation, EvaluationConfig)
        assert (trial.evaluation.parameters, trial.evaluation.channels) == (3000, 36)


def test_a_gate_of_given_channels_leaves_the_budget(tmp_path: Path) -> None:
    text = f"{TEXT}gate: {{evaluation: {{parameters: null, channels: 4}}}}\n"
    gate = load(write(tmp_path, text)).gate
    assert gate is not None
    for trial in gate.trials:
        assert isinstance(trial.evaluation, EvaluationConfig)
        assert (trial.evaluation.parameters, trial.evaluation.channels) == (None, 4)


@pytest.mark.parametrize(
    ("text", "change", "words"),
    [
        (TEXT, "evaluation.parameters=0", "parameters = 0: must be a whole number, at least 1"),
        (TEXT, "evaluation.parameters=many", 'parameters = "many": must be a whole number'),
        (TEXT, "evaluation.parameters=[10, 20]", "parameters = [10, 20]: must be a whole number"),
        (TEXT, "evaluation.parameters=2000000000", "parameters = 2000000000: must be a whole"),
        (TEXT, "evaluation.channels=8", "leave out channels = 8, or set parameters to null"),
        (TEXT, "evaluation.channels=[8, 36]", "leave out channels = 8, or set parameters to"),
        (TEXT, "evaluation.cells=[2, 3]", "parameters = 2000: must be null where cells has sev"),
        (TEXT, "gate.evaluation.channels=8", "gate.evaluation: parameters = 2000 chooses the"),
        (TABULAR, "evaluation={kind: tabular, parameters: 9}", "parameters: unknown key; known: "),
        (TEXT, "methods.random.parameters=9", "methods.random.parameters: unknown key"),
        # what is known once the data are: grey images and ten classes, so that stem, the 1x1
        # convolutions of three cells and the classifier have 33 + 10 + 16 + 28 + 50
        (TEXT, "evaluation.parameters=20", "= 20: the narrowest network, of 1 channel, has 137 "
         "parameters with an empty cell on digits"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_one_line_and_status_2(
    text: str, change: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = str(tmp_path / "results")
    assert main(["run", write(tmp_path, text), "--set", change, "--results", results]) == 2
    line = capsys.readouterr().err.strip().splitlines()[-1]
    assert words in line


def test_a_given_cell_over_the_budget_is_refused_before_anything_is_trained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = str(tmp_path / "results")
    command = ["gate", write(tmp_path), "--set", "evaluation.parameters=200"]
    assert main([*command, "--results", results]) == 2
    line = capsys.readouterr().err.strip().splitlines()[-1]
    assert "evaluation.parameters = 200: the narrowest network, of 1 channel, has" in line
    assert line.endswith("with all-sep_conv_3x3 on digits")
    assert not list(tmp_path.glob("results/**/*.json"))[1:]


def test_a_run_says_the_width_and_the_leaderboard_its_range(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = str(tmp_path / "results")
    command = ["run", write(tmp_path), "--results", results, "--workers", "1"]
    assert main([*command, "--set", "seeds=[0, 1]", "--set", "evaluation.parameters=2000"]) == 0
    said = capsys.readouterr().err
    assert said.count("of at most 2,000 parameters)") == 2
    page = (tmp_path / "results" / "equal" / "leaderboard.md").read_text(encoding="utf-8")
    assert "as many channels as it can have with at most 2,000 parameters" in page
    store = Store(tmp_path / "results" / "equal")
    evaluations = [record.evaluation for record in store if isinstance(record, FinishedRecord)]
    low, high = sorted(one.width.channels for one in evaluations if one.width is not None)
    fewest, most = sorted(one.parameters for one in evaluations)
    channels = f"{low}" if low == high else f"{low} to {high}"
    assert f"random on digits: {channels} channels, {fewest:,} to {most:,} parameters." in page
