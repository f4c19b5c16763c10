"""Runs of trials in real MLflow stores: SQLite files and, marked slow, a server on the loopback."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from support import records
from support.mlflow_stores import client, runs, served, write_files

from bench.records import schema
from bench.tracking import export, sent
from bench.tracking import runs as tracking
from bench.tracking.store import ARTIFACTS, DATABASE


def test_a_finished_trial(folder: Path) -> None:
    of = records.finished("vinnas", 1)
    write_files(folder, of)
    run_id = tracking.log_trial(of, folder, None)

    by_name = {run.info.run_name: run for run in runs(folder)}
    stages = {stage: f"vinnas-digits-s1 {stage}" for stage in ("search", "evaluation")}
    assert set(by_name) == {"vinnas-digits", "vinnas-digits-s1", *stages.values()}
    parent = by_name["vinnas-digits-s1"]
    assert (parent.info.run_id, parent.info.status) == (run_id, "FINISHED")
    assert parent.data.params["search.epochs"] == "3"
    assert parent.data.params["method.betas"] == "0.5, 0.999"
    columns = {"label": "vinnas", "method": "vinnas", "dataset": "digits", "seed": "1"}
    assert columns.items() <= parent.data.params.items()
    assert by_name[stages["search"]].data.params == columns
    method = by_name["vinnas-digits"]
    assert parent.data.tags["mlflow.parentRunId"] == method.info.run_id
    assert method.data.params == {k: v for k, v in columns.items() if k != "seed"}
    metrics, evaluation = parent.data.metrics, of.evaluation
    assert metrics["test_accuracy"] == evaluation.test.accuracy
    assert metrics["test_nll"] == evaluation.test.nll
    assert evaluation.validation is not None
    assert metrics["validation_accuracy"] == evaluation.validation.accuracy
    for name in ("parameters", "nonzero_parameters", "flops"):
        assert metrics[name] == getattr(evaluation, name)
    assert metrics["search_seconds"] == of.search.seconds
    tags = parent.data.tags
    assert tags["trial"] == of.trial.id
    assert (tags["method"], tags["label"], tags["dataset"], tags["seed"]) == (
        *("vinnas", "vinnas", "digits"),
        "1",
    )
    assert tags["git_commit"] == of.provenance.git_commit
    assert tags["data_digest"] == of.data.digest
    assert tags["status"] == "finished"
    assert parent.inputs.dataset_inputs[0].dataset.name == "digits"

    store = client(folder)
    for stage in ("search", "evaluation"):
        nested = by_name[stages[stage]]
        assert nested.data.tags["mlflow.parentRunId"] == run_id
        assert parent.info.start_time <= nested.info.start_time <= nested.info.end_time
        assert nested.info.end_time <= parent.info.end_time
        history = store.get_metric_history(nested.info.run_id, f"{stage}/train_accuracy")
        assert [(point.step, point.value) for point in history] == [
            (epoch.epoch, epoch.metrics["train_accuracy"]) for epoch in getattr(of, stage).epochs
        ]
    terms = store.get_metric_history(
        by_name[stages["search"]].info.run_id, "search/architecture.cross_entropy"
    )
    assert len(terms) == 3

    names = {item.path for item in store.list_artifacts(run_id)}
    assert names == {"record.json", "posterior.csv", "cells.png", "genotype.json", "history.csv"}
    stored = folder / ARTIFACTS / run_id / "artifacts"
    assert json.loads((stored / "genotype.json").read_text()) == of.genotype
    assert (stored / "record.json").read_text() == schema.text(of)
    assert len((stored / "history.csv").read_text().splitlines()) == 1 + 3 + 4


def test_times_are_the_record_s(folder: Path) -> None:
    times = {"started": "2026-01-02T03:04:05Z", "finished": "2026-01-02T04:04:05Z"}
    of = records.changed(records.finished(), {"provenance": times})
    tracking.log_trial(of, folder, None)
    by_name = {run.info.run_name: run.info for run in runs(folder)}
    start = 1_767_323_045_000  # date -ud 2026-01-02T03:04:05Z +%s
    parent = by_name["vinnas-digits-s0"]
    assert (parent.start_time, parent.end_time) == (start, start + 3_600_000)
    search = by_name["vinnas-digits-s0 search"]
    assert search.start_time == start
    assert search.end_time == start + round(1000 * of.search.seconds)
    assert by_name["vinnas-digits-s0 evaluation"].end_time == start + 3_600_000


@pytest.mark.parametrize(
    ("failed_in", "nested"),
    [
        ("data", {}),
        ("search", {"search": "FAILED"}),
        ("evaluation", {"search": "FINISHED", "evaluation": "FAILED"}),
    ],
)
def test_a_failed_trial(folder: Path, failed_in: str, nested: dict[str, str]) -> None:
    run_id = tracking.log_trial(records.failed(failed_in), folder, None)
    status = {run.info.run_name: run.info.status for run in runs(folder)}
    stages = {f"vinnas-digits-s0 {stage}": state for stage, state in nested.items()}
    assert status == {"vinnas-digits": "RUNNING", "vinnas-digits-s0": "FAILED", **stages}
    tags = client(folder).get_run(run_id).data.tags
    assert tags["error"].startswith("NonFiniteLoss: the loss")
    assert f"failed in {failed_in}" in tags["mlflow.note.content"]


def test_nothing_is_logged_twice(folder: Path) -> None:
    both = [records.finished("darts", 0), records.finished("darts", 1)]
    first = tracking.log_trial(both[0], folder, None)
    assert tracking.log_trial(both[0], folder, None) == first
    assert tracking.sync(both, folder, None) == tracking.SyncCounts(1, 0, 1)
    assert tracking.sync(both, folder, None) == tracking.SyncCounts(0, 0, 2)
    assert len(runs(folder)) == 1 + 6


def test_a_record_is_the_same_after_a_round_trip_through_its_file(folder: Path) -> None:
    of = records.finished()
    first = tracking.log_trial(of, folder, None)
    again = schema.parse(json.loads(schema.text(of)), "its file")
    assert tracking.log_trial(again, folder, None) == first


def test_a_trial_that_failed_and_then_finished(folder: Path) -> None:
    failed, finished = records.failed("evaluation"), records.finished()
    assert failed.trial == finished.trial
    old = tracking.log_trial(failed, folder, None)
    new = tracking.log_trial(finished, folder, None)
    assert new != old
    store = client(folder)
    assert store.get_run(old).info.status == "FAILED"
    assert store.get_run(old).data.tags["superseded_by"] == new
    assert store.get_run(new).info.status == "FINISHED"
    assert "superseded_by" not in store.get_run(new).data.tags
    assert tracking.sync([finished], folder, None) == tracking.SyncCounts(0, 0, 1)


def test_a_broken_off_run_is_replaced(folder: Path) -> None:
    """What a process leaves that is killed while it writes: a parent and a nested run, RUNNING."""
    of = records.finished()
    store = client(folder)
    experiment = store.create_experiment("quickstart", (folder / ARTIFACTS).as_uri())
    content = export.from_record(of)
    left = store.create_run(experiment, tags=content.tags).info.run_id
    search = {"mlflow.parentRunId": left, **content.nested[0].tags}
    store.create_run(experiment, tags=search)
    new = tracking.log_trial(of, folder, None)
    assert new != left
    assert tracking.sync([of], folder, None) == tracking.SyncCounts(0, 0, 1)
    assert len(runs(folder)) == 1 + 3
    assert {run.info.status for run in runs(folder)} == {"FINISHED"}


def test_files_that_come_later_are_added(folder: Path) -> None:
    of = records.finished()
    write_files(folder, of, cells=False)
    run_id = tracking.log_trial(of, folder, None)
    write_files(folder, of)
    assert tracking.find_pending([of], folder, None) == [of]
    assert tracking.sync([of], folder, None) == tracking.SyncCounts(0, 1, 0)
    assert "cells.png" in {item.path for item in client(folder).list_artifacts(run_id)}
    assert tracking.find_pending([of], folder, None) == []
    assert len(runs(folder)) == 1 + 3


def test_pending(folder: Path) -> None:
    first, second = records.finished("darts", 0), records.finished("darts", 1)
    assert tracking.find_pending([first, second], folder, None) == [first, second]
    tracking.log_trial(first, folder, None)
    assert tracking.find_pending([first, second], folder, None) == [second]
    other = "http://127.0.0.1:9"
    assert tracking.find_pending([first, second], folder, other) == [first, second]
    changed = records.changed(first, {"provenance": {"finished": "2027-01-01T00:00:00Z"}})
    assert tracking.find_pending([changed], folder, None) == [changed]
    (folder / DATABASE).unlink()
    assert tracking.find_pending([first], folder, None) == [first]


def test_a_damaged_marker_costs_nothing(folder: Path) -> None:
    of = records.finished()
    tracking.log_trial(of, folder, None)
    (folder / "mlflow.db.logged.json").write_text('{"embedded": ')
    assert tracking.find_pending([of], folder, None) == [of]
    assert tracking.sync([of], folder, None) == tracking.SyncCounts(0, 0, 1)
    assert tracking.find_pending([of], folder, None) == []


def test_long_and_odd_values(folder: Path) -> None:
    """Limits of MLflow: names of certain characters, 6000 characters a value, 100 parameters."""
    options = {f"option {i}": i for i in range(150)} | {
        "long": "x" * 10_000,
        "empty": "",
        "strange&name": {"deep": [1, [2, None]]},
    }
    of = records.changed(
        records.finished(dataset="image-folder:/some where/my:photos/"),
        {"configuration": {"method": options}, "selection": {"score": float("nan")}},
    )
    parent = client(folder).get_run(tracking.log_trial(of, folder, None))
    assert parent.info.run_name == "vinnas-my-photos-s0"
    assert len(parent.data.params["method.long"]) == 6000
    assert parent.data.params["method.option 149"] == "149"
    assert parent.data.params["method.strange_name.deep"] == "1, 2, none"
    assert "selection/score" not in parent.data.metrics, "in a record NaN is null"


@pytest.mark.slow
def test_a_real_server(folder: Path, migrated: Path, capfd: pytest.CaptureFixture[str]) -> None:
    database = Path(shutil.copy(migrated, folder.parent / "server.db"))
    both = [records.finished("darts", 0), records.failed("search", "darts", 1)]
    for of in both:
        write_files(folder, of)
    with served(folder.parent, f"sqlite:///{database}") as uri:
        counts = tracking.sync(both, folder, uri)
        assert counts == tracking.SyncCounts(2, 0, 0)
        by_name = {run.info.run_name: run for run in runs(folder, uri) if "trial" in run.data.tags}
        assert by_name["darts-digits-s0"].info.status == "FINISHED"
        assert by_name["darts-digits-s1"].info.status == "FAILED"
        run_id = by_name["darts-digits-s0"].info.run_id
        names = {item.path for item in client(folder, uri).list_artifacts(run_id)}
        assert {"record.json", "cells.png", "genotype.json", "history.csv"} <= names
        again = tracking.sync(both, folder, uri)
        assert again == tracking.SyncCounts(0, 0, 2)
        assert tracking.find_pending(both, folder, uri) == []
        assert tracking.find_pending(both, folder, None) == both
    assert capfd.readouterr() == ("", "")


def test_the_marker_grows_by_a_line_and_a_half_written_one_costs_itself_alone(
    tmp_path: Path,
) -> None:
    path = tmp_path / sent.FILE
    sent.remember(tmp_path, None, "a", {"record": "1"})
    with path.open("a") as file:
        file.write('\n["embedded", "b", {"rec')  # by a process that was killed
    before = path.read_text()
    sent.remember(tmp_path, None, "c", {"record": "3"})
    assert path.read_text().startswith(before)
    sent.remember(tmp_path, None, "a", {"record": "2"})
    assert sent.entries(tmp_path, None) == {"a": {"record": "2"}, "c": {"record": "3"}}
