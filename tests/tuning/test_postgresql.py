"""A PostgreSQL server, started here on loopback: for processes that tune, and for MLflow."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import postgresql, quick, records
from support.mlflow_stores import runs, served
from support.quick import check_complete, start

from bench.tracking import runs as tracking
from bench.tuning.optuna_study import Tuner

psycopg = pytest.importorskip("psycopg", reason="not installed: pip install psycopg[binary]")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The URL of an empty database."""
    for name in ("initdb", "postgres"):
        if postgresql.find_program(name) is None:
            pytest.skip(f"PostgreSQL's {name} is not installed (Debian: postgresql)")
    with tempfile.TemporaryDirectory(prefix="bench-postgresql-") as folder:
        running = postgresql.Server(Path(folder))
        running.start()
        yield running.url
        running.stop()


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
