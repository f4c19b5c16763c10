"""Opening MLflow stores: what is away, damaged or cannot be meant is one line, within seconds."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import records
from support.mlflow_stores import client

from bench.tracking import runs as tracking
from bench.tracking.experiment import TrackingError
from bench.tracking.store import DATABASE


def test_importing_it_does_not_import_mlflow() -> None:
    code = "import sys, bench.tracking.runs; sys.exit('mlflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_new_store_is_made_quietly(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from support import records\n"
        "from bench.tracking import runs as tracking\n"
        "before = dict(os.environ)\n"
        f"tracking.log_trial(records.finished(), Path({str(tmp_path)!r}), None)\n"
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
    assert left == {"mlflow.db", "mlflow.db.logged.json", "mlflow.db.lock", "artifacts"}


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
    with pytest.raises(TrackingError, match="Connection refused") as caught:
        tracking.log_trial(records.finished(), folder, uri)
    text = str(caught.value)
    assert "\n" not in text
    assert f"http://127.0.0.1:{port}" in text
    assert "secret" not in text
    assert f"`bench sync quickstart --tracking-uri http://127.0.0.1:{port}` sends them" in text
    assert dict(os.environ) == before
    assert capfd.readouterr() == ("", "")


def test_a_server_that_went_away_is_named_once(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        uri = f"http://127.0.0.1:{listener.getsockname()[1]}"
    both = [records.finished("darts", 0), records.finished("darts", 1)]
    tracker = tracking.Tracker(folder, uri)
    for of in both:
        tracker.log(of)
    tracker.complete(both)
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert said.startswith(f"warning: MLflow at {uri}: ")
    assert tracking.find_pending(both, folder, uri) == both


def test_a_server_that_never_answers(folder: Path) -> None:
    with mute_server() as uri, pytest.raises(TrackingError, match="timed out"):
        tracking.log_trial(records.finished(), folder, uri)


@pytest.mark.parametrize("uri", ["localhost:5000", "/some/where", "htp://host", ""])
def test_an_address_that_cannot_be_meant(folder: Path, uri: str) -> None:
    with pytest.raises(TrackingError, match="http://HOST:PORT"):
        tracking.log_trial(records.finished(), folder, uri)


def test_a_damaged_database(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (folder / DATABASE).write_bytes(b"not a database" * 1000)
    with pytest.raises(TrackingError, match="file is not a database"):
        tracking.log_trial(records.finished(), folder, None)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["100%20", "what?"])
def test_a_path_that_mlflow_cannot_take(tmp_path: Path, name: str) -> None:
    with pytest.raises(TrackingError, match="cannot keep a database"):
        tracking.log_trial(records.finished(), tmp_path / name, None)


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TrackingError, match="Not a directory"):
        tracking.log_trial(records.finished(), tmp_path / "file" / "quickstart", None)


def test_a_deleted_experiment(folder: Path) -> None:
    tracking.log_trial(records.finished(), folder, None)
    store = client(folder)
    store.delete_experiment(store.get_experiment_by_name("quickstart").experiment_id)
    with pytest.raises(TrackingError, match="was deleted in MLflow"):
        tracking.log_trial(records.finished(), folder, None)
