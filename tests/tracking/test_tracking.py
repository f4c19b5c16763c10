"""MLflow on real stores: SQLite files in tmp_path and, marked slow, a server on the loopback."""

from __future__ import annotations

import contextlib
import copy
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from support.records import record, stem

from bench.records import summary as flatten
from bench.tracking import store as tracking


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An embedded store with one trial in another study, to spare each test the migrations."""
    folder = tmp_path_factory.mktemp("migrated")
    tracking.log_trial(record(study="other"), folder, [], None)
    return folder / tracking.DATABASE


@pytest.fixture
def folder(tmp_path: Path, migrated: Path) -> Path:
    """results/<study>, its path awkward on purpose."""
    folder = tmp_path / "re sults #1é" / "quickstart"
    folder.mkdir(parents=True)
    shutil.copy(migrated, folder)
    return folder


def client(folder: Path, uri: str | None = None) -> Any:
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=uri or f"sqlite:///{folder / tracking.DATABASE}")


def runs(folder: Path, uri: str | None = None, study: str = "quickstart") -> list[Any]:
    store = client(folder, uri)
    return list(store.search_runs([store.get_experiment_by_name(study).experiment_id]))


def write_files(folder: Path, of: dict[str, Any], cells: bool = True) -> Sequence[Path]:
    name = stem(of)
    for part in ("records", "cells"):
        (folder / part).mkdir(exist_ok=True)
    (folder / "records" / f"{name}.json").write_text(json.dumps(of))
    (folder / "records" / f"{name}.posterior.csv").write_text("epoch,cell,mean\n1,normal,0.5\n")
    if cells:
        (folder / "cells" / f"{name}.png").write_bytes(b"\x89PNG")
    return flatten.artifacts_of(folder, name)


def none_of(_: object) -> list[Path]:
    return []


def test_importing_it_does_not_import_mlflow() -> None:
    code = "import sys, bench.tracking.store; sys.exit('mlflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_new_store_is_made_quietly(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from support.records import record\n"
        "from bench.tracking import store as tracking\n"
        "before = dict(os.environ)\n"
        f"tracking.log_trial(record(), Path({str(tmp_path)!r}), [], None)\n"
        "assert os.environ == before, 'the environment leaked'\n"
        "import mlflow.telemetry\n"
        "assert mlflow.telemetry.get_telemetry_client() is None, 'telemetry is on'\n"
    )
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in ("CI", "PYTEST_CURRENT_TEST", "DO_NOT_TRACK")
    }
    environment["PYTHONPATH"] = os.pathsep.join(sys.path)
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"mlflow.db", "mlflow.db.logged.json", "artifacts"}


def test_a_finished_trial(folder: Path) -> None:
    of = record("vinnas", 1)
    run_id = tracking.log_trial(of, folder, write_files(folder, of), None)

    by_name = {run.info.run_name: run for run in runs(folder)}
    assert set(by_name) == {"vinnas-digits-s1", "search", "evaluation"}
    parent = by_name["vinnas-digits-s1"]
    assert (parent.info.run_id, parent.info.status) == (run_id, "FINISHED")
    assert parent.data.params["search.epochs"] == "3"
    assert parent.data.params["method.betas"] == "0.5, 0.999"
    assert parent.data.params["trial.seed"] == "1"
    metrics, evaluation = parent.data.metrics, of["evaluation"]
    assert metrics["test_accuracy"] == evaluation["test"]["accuracy"]
    assert metrics["test_nll"] == evaluation["test"]["nll"]
    assert metrics["validation_accuracy"] == evaluation["validation"]["accuracy"]
    for name in ("parameters", "nonzero_parameters", "flops"):
        assert metrics[name] == evaluation[name]
    assert metrics["search_seconds"] == of["search"]["seconds"]
    tags = parent.data.tags
    assert tags["trial"] == of["trial"]["id"]
    assert (tags["method"], tags["label"], tags["dataset"], tags["seed"]) == (
        *("vinnas", "vinnas", "digits"),
        "1",
    )
    assert tags["git_commit"] == of["provenance"]["git_commit"]
    assert tags["data_digest"] == of["data"]["digest"]
    assert tags["status"] == "finished"
    assert parent.inputs.dataset_inputs[0].dataset.name == "digits"

    store = client(folder)
    for stage in ("search", "evaluation"):
        nested = by_name[stage]
        assert nested.data.tags["mlflow.parentRunId"] == run_id
        assert parent.info.start_time <= nested.info.start_time <= nested.info.end_time
        assert nested.info.end_time <= parent.info.end_time
        history = store.get_metric_history(nested.info.run_id, f"{stage}/train_accuracy")
        assert [(point.step, point.value) for point in history] == [
            (epoch["epoch"], epoch["metrics"]["train_accuracy"]) for epoch in of[stage]["epochs"]
        ]
    terms = store.get_metric_history(
        by_name["search"].info.run_id, "search/architecture.cross_entropy"
    )
    assert len(terms) == 3

    names = {item.path for item in store.list_artifacts(run_id)}
    assert names == {"record.json", "posterior.csv", "cells.png", "genotype.json", "history.csv"}
    stored = folder / tracking.ARTIFACTS / run_id / "artifacts"
    assert json.loads((stored / "genotype.json").read_text()) == of["genotype"]
    assert json.loads((stored / "record.json").read_text()) == of
    assert len((stored / "history.csv").read_text().splitlines()) == 1 + 3 + 4


def test_times_are_the_record_s(folder: Path) -> None:
    of = record()
    of["provenance"] |= {"started": "2026-01-02T03:04:05Z", "finished": "2026-01-02T04:04:05Z"}
    tracking.log_trial(of, folder, [], None)
    by_name = {run.info.run_name: run.info for run in runs(folder)}
    start = 1_767_323_045_000  # date -ud 2026-01-02T03:04:05Z +%s
    parent = by_name["vinnas-digits-s0"]
    assert (parent.start_time, parent.end_time) == (start, start + 3_600_000)
    assert by_name["search"].start_time == start
    assert by_name["search"].end_time == start + round(1000 * of["search"]["seconds"])
    assert by_name["evaluation"].end_time == start + 3_600_000


@pytest.mark.parametrize(
    ("failed_in", "nested"),
    [
        ("data", {}),
        ("search", {"search": "FAILED"}),
        ("evaluation", {"search": "FINISHED", "evaluation": "FAILED"}),
    ],
)
def test_a_failed_trial(folder: Path, failed_in: str, nested: dict[str, str]) -> None:
    run_id = tracking.log_trial(record(failed_in=failed_in), folder, [], None)
    status = {run.info.run_name: run.info.status for run in runs(folder)}
    assert status == {"vinnas-digits-s0": "FAILED", **nested}
    tags = client(folder).get_run(run_id).data.tags
    assert tags["error"].startswith("NonFiniteLoss: the loss")
    assert f"failed in {failed_in}" in tags["mlflow.note.content"]


def test_nothing_is_logged_twice(folder: Path) -> None:
    records = [record("darts", 0), record("darts", 1)]
    first = tracking.log_trial(records[0], folder, [], None)
    assert tracking.log_trial(records[0], folder, [], None) == first
    assert tracking.sync(records, folder, None, none_of) == tracking.SyncCounts(1, 0, 1)
    assert tracking.sync(records, folder, None, none_of) == tracking.SyncCounts(0, 0, 2)
    assert len(runs(folder)) == 6


def test_a_record_is_the_same_after_a_round_trip_through_its_file(folder: Path) -> None:
    of = record()
    first = tracking.log_trial(of, folder, [], None)
    assert tracking.log_trial(json.loads(json.dumps(of)), folder, [], None) == first


def test_a_trial_that_failed_and_then_finished(folder: Path) -> None:
    failed, finished = record(failed_in="evaluation"), record()
    assert failed["trial"] == finished["trial"]
    old = tracking.log_trial(failed, folder, [], None)
    new = tracking.log_trial(finished, folder, [], None)
    assert new != old
    store = client(folder)
    assert store.get_run(old).info.status == "FAILED"
    assert store.get_run(old).data.tags["superseded_by"] == new
    assert store.get_run(new).info.status == "FINISHED"
    assert "superseded_by" not in store.get_run(new).data.tags
    assert tracking.sync([finished], folder, None, none_of) == tracking.SyncCounts(0, 0, 1)


def test_a_broken_off_run_is_replaced(folder: Path) -> None:
    """What a process leaves that is killed while it writes: a parent and a nested run, RUNNING."""
    of = record()
    store = client(folder)
    experiment = store.create_experiment("quickstart", (folder / tracking.ARTIFACTS).as_uri())
    left = store.create_run(experiment, tags=flatten.tags(of)).info.run_id
    store.create_run(experiment, tags={"mlflow.parentRunId": left, "stage": "search"})
    new = tracking.log_trial(of, folder, [], None)
    assert new != left
    assert len(runs(folder)) == 3
    assert {run.info.status for run in runs(folder)} == {"FINISHED"}


def test_files_that_come_later_are_added(folder: Path) -> None:
    of = record()
    run_id = tracking.log_trial(of, folder, write_files(folder, of, cells=False), None)
    files = write_files(folder, of)
    assert tracking.pending([of], folder, None, lambda _: files) == [of]
    assert tracking.sync([of], folder, None, lambda _: files) == tracking.SyncCounts(0, 1, 0)
    assert "cells.png" in {item.path for item in client(folder).list_artifacts(run_id)}
    assert tracking.pending([of], folder, None, lambda _: files) == []
    assert len(runs(folder)) == 3


def test_pending(folder: Path) -> None:
    first, second = record("darts", 0), record("darts", 1)
    assert tracking.pending([first, second], folder, None, none_of) == [first, second]
    tracking.log_trial(first, folder, [], None)
    assert tracking.pending([first, second], folder, None, none_of) == [second]
    other = "http://127.0.0.1:9"
    assert tracking.pending([first, second], folder, other, none_of) == [first, second]
    changed = copy.deepcopy(first)
    changed["provenance"]["finished"] = "2027-01-01T00:00:00Z"
    assert tracking.pending([changed], folder, None, none_of) == [changed]
    (folder / tracking.DATABASE).unlink()
    assert tracking.pending([first], folder, None, none_of) == [first]


def test_a_damaged_marker_costs_nothing(folder: Path) -> None:
    of = record()
    tracking.log_trial(of, folder, [], None)
    (folder / "mlflow.db.logged.json").write_text('{"embedded": ')
    assert tracking.pending([of], folder, None, none_of) == [of]
    assert tracking.sync([of], folder, None, none_of) == tracking.SyncCounts(0, 0, 1)
    assert tracking.pending([of], folder, None, none_of) == []


def test_long_and_odd_values(folder: Path) -> None:
    """Limits of MLflow: names of certain characters, 6000 characters a value, 100 parameters."""
    of = record(dataset="image-folder:/some where/my:photos/")
    of["configuration"]["method"] = {f"option {i}": i for i in range(150)} | {
        "long": "x" * 10_000,
        "empty": "",
        "strange&name": {"deep": [1, [2, None]]},
    }
    of["selection"]["score"] = float("nan")
    of["search"]["epochs"][0]["terms"]["weights.kl"] = float("inf")
    parent = client(folder).get_run(tracking.log_trial(of, folder, [], None))
    assert parent.info.run_name == "vinnas-my-photos-s0"
    assert len(parent.data.params["method.long"]) == 6000
    assert parent.data.params["method.option 149"] == "149"
    assert parent.data.params["method.strange_name.deep"] == "1, 2, none"
    assert parent.data.metrics["selection/score"] != parent.data.metrics["selection/score"]


@contextlib.contextmanager
def mute_server() -> Iterator[str]:
    """A port that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_a_server_that_is_away(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    uri = f"http://someone:secret@127.0.0.1:{port}"
    before = dict(os.environ)
    with pytest.raises(tracking.TrackingError, match="Connection refused") as caught:
        tracking.log_trial(record(), folder, [], uri)
    text = str(caught.value)
    assert "\n" not in text
    assert f"http://127.0.0.1:{port}" in text
    assert "secret" not in text
    assert "bench sync quickstart" in text
    assert dict(os.environ) == before
    assert capfd.readouterr() == ("", "")


def test_a_server_that_never_answers(folder: Path) -> None:
    with mute_server() as uri, pytest.raises(tracking.TrackingError, match="timed out"):
        tracking.log_trial(record(), folder, [], uri)


@pytest.mark.parametrize("uri", ["localhost:5000", "/some/where", "htp://host", ""])
def test_an_address_that_cannot_be_meant(folder: Path, uri: str) -> None:
    with pytest.raises(tracking.TrackingError, match="http://HOST:PORT"):
        tracking.log_trial(record(), folder, [], uri)


def test_a_damaged_database(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (folder / tracking.DATABASE).write_bytes(b"not a database" * 1000)
    with pytest.raises(tracking.TrackingError, match="file is not a database"):
        tracking.log_trial(record(), folder, [], None)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["100%20", "what?"])
def test_a_path_that_mlflow_cannot_take(tmp_path: Path, name: str) -> None:
    with pytest.raises(tracking.TrackingError, match="cannot keep a database"):
        tracking.log_trial(record(), tmp_path / name, [], None)


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(tracking.TrackingError, match="Not a directory"):
        tracking.log_trial(record(), tmp_path / "file" / "quickstart", [], None)


def test_a_results_folder_that_was_moved(folder: Path) -> None:
    tracking.log_trial(record(), folder, [], None)
    moved = folder.rename(folder.with_name("moved"))
    with pytest.raises(tracking.TrackingError, match="was made in another folder"):
        tracking.log_trial(record(seed=1), moved, [], None)


def test_a_deleted_experiment(folder: Path) -> None:
    tracking.log_trial(record(), folder, [], None)
    store = client(folder)
    store.delete_experiment(store.get_experiment_by_name("quickstart").experiment_id)
    with pytest.raises(tracking.TrackingError, match="was deleted in MLflow"):
        tracking.log_trial(record(), folder, [], None)


@contextlib.contextmanager
def served(folder: Path, backend: str, seconds: float = 90) -> Iterator[str]:
    """A real `mlflow server` on the loopback, its artifacts proxied."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--workers", "1", "--backend-store-uri", backend]
    command += ["--artifacts-destination", str(folder / "destination")]
    environment = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"}
    with (folder / "server.log").open("w") as log:
        server = subprocess.Popen(
            command, stdout=log, stderr=log, env=environment, start_new_session=True, cwd=folder
        )
        try:
            deadline = time.monotonic() + seconds
            while True:
                assert server.poll() is None, (folder / "server.log").read_text()
                assert time.monotonic() < deadline, (folder / "server.log").read_text()
                with contextlib.suppress(OSError):
                    socket.create_connection(("127.0.0.1", port), timeout=1).close()
                    break
                time.sleep(0.2)  # a process to wait for, not a race to win
            yield f"http://127.0.0.1:{port}"
        finally:
            os.killpg(server.pid, 15)
            server.wait(timeout=30)


@pytest.mark.slow
def test_a_real_server(folder: Path, migrated: Path, capfd: pytest.CaptureFixture[str]) -> None:
    database = Path(shutil.copy(migrated, folder.parent / "server.db"))
    records = [record("darts", 0), record("darts", 1, failed_in="search")]
    files = {of["trial"]["id"]: write_files(folder, of) for of in records}
    with served(folder.parent, f"sqlite:///{database}") as uri:
        counts = tracking.sync(records, folder, uri, lambda of: files[of["trial"]["id"]])
        assert counts == tracking.SyncCounts(2, 0, 0)
        by_name = {run.info.run_name: run for run in runs(folder, uri) if "trial" in run.data.tags}
        assert by_name["darts-digits-s0"].info.status == "FINISHED"
        assert by_name["darts-digits-s1"].info.status == "FAILED"
        run_id = by_name["darts-digits-s0"].info.run_id
        names = {item.path for item in client(folder, uri).list_artifacts(run_id)}
        assert {"record.json", "cells.png", "genotype.json", "history.csv"} <= names
        again = tracking.sync(records, folder, uri, lambda of: files[of["trial"]["id"]])
        assert again == tracking.SyncCounts(0, 0, 2)
        assert tracking.pending(records, folder, uri, none_of) == []
        assert tracking.pending(records, folder, None, none_of) == records
    assert capfd.readouterr() == ("", "")
