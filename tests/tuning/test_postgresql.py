"""A PostgreSQL server, started here on loopback: for processes that tune, and for MLflow."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import quick, records
from support.mlflow_stores import runs, served
from support.quick import check_complete, start

from bench.tracking import runs as tracking
from bench.tuning.optuna_study import Tuner

psycopg = pytest.importorskip("psycopg", reason="not installed: pip install psycopg[binary]")
pytestmark = pytest.mark.slow


def program(name: str) -> str:
    """The newest installed; Debian keeps the server's programs out of the path."""
    found = [str(path) for path in sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))]
    in_path = shutil.which(name)
    if not found and in_path is None:
        pytest.skip(f"PostgreSQL's {name} is not installed (Debian: postgresql)")
    return found[-1] if found else str(in_path)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The URL of an empty database; the server refuses to run as root and then is `nobody`'s."""
    initdb, postgres = program("initdb"), program("postgres")
    user = {"user": "nobody"} if os.getuid() == 0 else {}
    with tempfile.TemporaryDirectory(prefix="bench-postgresql-") as folder, socket.socket() as free:
        if user:
            owner = pwd.getpwnam("nobody")
            os.chown(folder, owner.pw_uid, owner.pw_gid)
        data = str(Path(folder) / "data")
        subprocess.run(
            [initdb, "-D", data, "-U", "bench", "--auth=trust", "-E", "UTF8", "--no-sync"],
            check=True, capture_output=True, cwd=folder, **user,  # type: ignore[call-overload]
        )  # fmt: skip
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        options = ["-c", f"port={port}", "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"]
        options += ["-c", f"unix_socket_directories={folder}"]
        running = subprocess.Popen(
            [postgres, "-D", data, *options],
            cwd=folder, stderr=subprocess.PIPE, text=True, **user,  # type: ignore[call-overload]
        )  # fmt: skip
        try:
            assert running.stderr is not None
            for line in running.stderr:
                if "ready to accept connections" in line:
                    break
            else:
                raise AssertionError("the server ended")
            yield f"postgresql+psycopg://bench@127.0.0.1:{port}/postgres"
        finally:
            running.send_signal(signal.SIGINT)  # does not wait for its clients to leave
            running.communicate()


def test_two_processes_share_a_postgresql_server(server: str) -> None:
    workers = [start(server) for _ in range(2)]
    outputs = [worker.communicate()[0].split() for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0]
    check_complete(Tuner(quick.plan(server)))
    assert sum(output.count("trying") for output in outputs) == quick.plan(server).trials


def test_an_mlflow_server_keeps_its_runs_there(server: str, tmp_path: Path) -> None:
    """What records say comes back from it; sent again, nothing is written."""
    with psycopg.connect(server.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("CREATE DATABASE mlflow")
    of = records.finished("vinnas", 1)
    (tmp_path / "quickstart").mkdir()
    with served(tmp_path, server.replace("/postgres", "/mlflow"), 600) as uri:
        first = tracking.sync([of], tmp_path / "quickstart", uri)
        again = tracking.sync([of], tmp_path / "quickstart", uri)
        by_name = {run.info.run_name: run for run in runs(tmp_path, uri)}
    assert (first, again) == (tracking.SyncCounts(1, 0, 0), tracking.SyncCounts(0, 0, 1))
    metrics = by_name["vinnas-digits-s1"].data.metrics
    assert metrics["test_accuracy"] == of.evaluation.test.accuracy
