"""Runs above the trials: a method's is what the leaderboard says of it, and nothing is twice."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from support import records
from support.mlflow_stores import client, runs, write_files

import analysis
from bench.records.facts import StudyFacts
from bench.records.schema import FinishedRecord, RunRecord
from bench.run import session
from bench.tracking import runs as tracking
from bench.tracking import views

STUDY: Sequence[FinishedRecord] = [
    records.finished(label, seed) for label in ("darts", "vinnas") for seed in range(3)
]


def write_tables(folder: Path, study: Sequence[RunRecord]) -> list[dict[str, str]]:
    """The study's leaderboard in the folder; its rows."""
    finished = [record for record in study if isinstance(record, FinishedRecord)]
    facts = StudyFacts("quickstart", labels=("darts", "vinnas"), baseline="darts")
    analysis.write_leaderboard(folder, finished, facts)
    with (folder / "leaderboard.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def by_stage(folder: Path, stage: str) -> dict[str, Any]:
    """Active runs of a stage by name; no name is there twice."""
    found = [run for run in runs(folder) if run.data.tags["stage"] == stage]
    named = {run.info.run_name: run for run in found}
    assert len(named) == len(found)
    return named


def parents(folder: Path) -> dict[str, str]:
    """Trial -> the run that it is nested in."""
    trials = by_stage(folder, "trial")
    return {name: run.data.tags["mlflow.parentRunId"] for name, run in trials.items()}


def ids(folder: Path) -> set[str]:
    """Of all active runs."""
    return {run.info.run_id for run in runs(folder)}


def test_a_method_is_what_the_leaderboard_says(folder: Path) -> None:
    rows = write_tables(folder, STUDY)
    assert tracking.sync(STUDY, folder, None) == tracking.SyncCounts(6, 0, 0)
    methods = by_stage(folder, "method")
    assert set(methods) == {"darts-digits", "vinnas-digits"}
    for row in rows:
        run = methods[f"{row['method']}-digits"]
        assert run.info.status == "FINISHED"
        metrics = run.data.metrics
        for name in ("", "_low", "_high"):
            expected = float(row[f"test_accuracy{name}_percent"])
            assert 100 * metrics[f"accuracy{name}"] == pytest.approx(expected, abs=1e-9)
        for name in ("seeds", "rank", "parameters", "search_seconds"):
            assert metrics[name] == float(row[name])
        assert ("shift_points" in metrics) == bool(row["shift_points"])
        assert run.data.params["label"] == row["method"]
    for name, parent in parents(folder).items():
        assert parent == methods[name.rpartition("-")[0]].info.run_id
    trials = [run.data.metrics["accuracy"] for run in by_stage(folder, "trial").values()]
    assert sorted(trials) == sorted(record.evaluation.test.accuracy for record in STUDY)


def test_the_leaderboard_and_the_report_are_artifacts(folder: Path) -> None:
    rows = write_tables(folder, STUDY)
    (folder / "report.html").write_text("<p>first</p>")
    tracking.sync(STUDY, folder, None)
    run = by_stage(folder, "results")["results"]
    store = client(folder)
    names = {item.path for item in store.list_artifacts(run.info.run_id)}
    assert names == {"report.html", *(f"leaderboard.{end}" for end in ("csv", "html", "md", "tex"))}
    line = f"| {rows[0]['method']} | digits | {float(rows[0]['test_accuracy_percent']):.2f} |"
    assert line in run.data.tags["mlflow.note.content"]
    assert tracking.is_complete(STUDY, folder, None)

    (folder / "report.html").write_text("<p>second</p>")
    assert not tracking.is_complete(STUDY, folder, None)
    session.send_tables(STUDY, folder)
    again = by_stage(folder, "results")["results"]
    path = store.download_artifacts(again.info.run_id, "report.html")
    assert (again.info.run_id, Path(path).read_text()) == (run.info.run_id, "<p>second</p>")
    assert tracking.is_complete(STUDY, folder, None)


def test_nothing_is_sent_to_a_store_that_is_not_there(tmp_path: Path) -> None:
    session.send_tables(STUDY, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_again_and_again(folder: Path) -> None:
    write_tables(folder, STUDY)
    tracking.sync(STUDY, folder, None)
    first = ids(folder)
    history = len(client(folder).get_metric_history(_method(folder, "darts"), "accuracy"))
    write_tables(folder, STUDY)
    assert tracking.sync(STUDY, folder, None) == tracking.SyncCounts(0, 0, 6)
    assert ids(folder) == first
    assert len(client(folder).get_metric_history(_method(folder, "darts"), "accuracy")) == history


def test_a_leaderboard_of_more_trials_and_of_fewer(folder: Path) -> None:
    """Two seeds have no interval: what was said of three must not stay."""
    some = [record for record in STUDY if record.trial.seed < 2]
    write_tables(folder, some)
    tracking.sync(some, folder, None)
    assert "accuracy_low" not in by_stage(folder, "method")["darts-digits"].data.metrics
    write_tables(folder, STUDY)
    tracking.sync(STUDY, folder, None)
    metrics = by_stage(folder, "method")["darts-digits"].data.metrics
    assert (metrics["seeds"], "accuracy_low" in metrics) == (3, True)
    write_tables(folder, some)
    tracking.sync(some, folder, None)
    metrics = by_stage(folder, "method")["darts-digits"].data.metrics
    assert (metrics["seeds"], "accuracy_low" in metrics) == (2, False)
    assert set(parents(folder).values()) == {_method(folder, "darts"), _method(folder, "vinnas")}


def test_a_method_all_of_whose_trials_failed(folder: Path) -> None:
    study = [records.failed("search", "darts", seed) for seed in range(2)]
    tracking.sync(study, folder, None)
    run = by_stage(folder, "method")["darts-digits"]
    assert (run.info.status, run.data.metrics) == ("FAILED", {"failed_trials": 2})
    assert by_stage(folder, "results") == {}


def test_runs_that_were_deleted_come_back_once(folder: Path) -> None:
    write_tables(folder, STUDY)
    tracking.sync(STUDY, folder, None)
    store, count = client(folder), len(runs(folder))
    store.delete_run(_method(folder, "darts"))
    store.delete_run(by_stage(folder, "trial")["vinnas-digits-s1"].info.run_id)
    store.delete_run(by_stage(folder, "results")["results"].info.run_id)
    assert tracking.sync(STUDY, folder, None) == tracking.SyncCounts(1, 0, 5)
    assert len(runs(folder)) == count
    assert set(parents(folder).values()) == {_method(folder, "darts"), _method(folder, "vinnas")}
    active = ids(folder)
    for stage in ("search", "evaluation"):
        for run in by_stage(folder, stage).values():
            assert run.data.tags["mlflow.parentRunId"] in active


def test_tuned_trials_have_a_method_s_run_of_their_own(folder: Path) -> None:
    tuned = records.changed(
        records.finished("darts", 0),
        {"tuning": {"seconds": 3.0}, "trial": {"id": "f" * 64}},
    )
    tracking.sync([STUDY[0], tuned], folder, None)
    methods = by_stage(folder, "method")
    assert set(methods) == {"darts-digits", "darts-digits-tuned"}


def test_a_damaged_leaderboard_is_one_line(folder: Path, capsys: Any) -> None:
    (folder / "leaderboard.csv").write_text("a,b\n1,2\n")
    session.send_tables(STUDY, folder)
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "leaderboard.csv lacks columns" in said


def test_saved_views_and_a_description_that_people_may_change(folder: Path) -> None:
    tracking.sync(STUDY[:1], folder, None)
    store = client(folder)
    experiment = store.get_experiment_by_name("quickstart")
    for view, stage in ((views.METHODS, "method"), (views.TRIALS, "trial")):
        envelope = json.loads(experiment.tags[f"mlflow.sharedViewState.{view}"])
        assert isinstance(envelope["createdAt"], int)
        state = json.loads(envelope["state"])
        assert state["searchFilter"] == f"tags.stage = '{stage}'"
        assert {"params.`label`", "metrics.`accuracy`"} <= set(state["selectedColumns"])
        address = views.link(experiment.experiment_id, view)
        assert f"]({address})" in experiment.tags["mlflow.note.content"]
        assert "workflowType=machine_learning" in address
    store.set_experiment_tag(experiment.experiment_id, "mlflow.note.content", "mine")
    tracking.sync(STUDY[:1], folder, None)
    assert store.get_experiment_by_name("quickstart").tags["mlflow.note.content"] == "mine"


def _method(folder: Path, label: str) -> str:
    run_id: str = by_stage(folder, "method")[f"{label}-digits"].info.run_id
    return run_id


def test_what_was_measured_of_the_machine_is_the_trial_s(folder: Path) -> None:
    from bench.tracking.export import Value

    write_files(folder, STUDY[0])
    measured = [Value("system/cpu_utilization_percentage", 50.0, 1_767_323_046_000, 0)]
    run_id = tracking.log_trial(STUDY[0], folder, None, measured)
    metrics = client(folder).get_run(run_id).data.metrics
    assert metrics["system/cpu_utilization_percentage"] == 50
