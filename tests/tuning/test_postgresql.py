"""A PostgreSQL server, started here on loopback: for tuning, and for MLflow."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import postgresql, records
from support.mlflow_stores import runs, served
from support.quick import InlinePool, QuickWork, lasting, tune

from bench.errors import BenchError
from bench.tracking import runs as tracking

psycopg = pytest.importorskip("psycopg", reason="not installed: pip install psycopg[binary]")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server() -> Iterator[postgresql.Server]:
    """One with an empty database."""
    for name in ("initdb", "postgres"):
        if postgresql.find_program(name) is None:
            pytest.skip(f"PostgreSQL's {name} is not installed (Debian: postgresql)")
    with tempfile.TemporaryDirectory(prefix="bench-postgresql-") as folder:
        running = postgresql.Server(Path(folder))
        running.start()
        yield running
        running.stop()


def test_a_tuning_goes_on_after_ctrl_c_and_a_restart_of_the_server(
    server: postgresql.Server,
) -> None:
    """As an unbroken one elsewhere; meanwhile nobody else may drive it."""
    broken = QuickWork(server.url, trials=8)
    with pytest.raises(KeyboardInterrupt):
        tune(broken, pool=InlinePool(until=15))
    server.stop()
    server.start()
    again, other = QuickWork(server.url, trials=8), QuickWork(server.url, trials=8)
    lease = again.tuner.begin("one:/results")
    with pytest.raises(BenchError, match="one:/results is at work on it"):
        other.tuner.begin("two:/results")
    lease.release()
    tune(again)
    unbroken = QuickWork("sqlite://", trials=8)
    tune(unbroken)
    assert lasting(again.tuner.rows()) == lasting(unbroken.tuner.rows())


def test_an_mlflow_server_keeps_its_runs_there(server: postgresql.Server, tmp_path: Path) -> None:
    """What records say comes back from it; sent again, nothing is written."""
    with psycopg.connect(server.url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("CREATE DATABASE mlflow")
    of = records.finished("vinnas", 1)
    (tmp_path / "quickstart").mkdir()
    with served(tmp_path, server.url.replace("/postgres", "/mlflow"), 600) as uri:
        first = tracking.sync([of], tmp_path / "quickstart", uri)
        again = tracking.sync([of], tmp_path / "quickstart", uri)
        by_name = {run.info.run_name: run for run in runs(tmp_path, uri)}
    assert (first, again) == (tracking.SyncCounts(1, 0, 0), tracking.SyncCounts(0, 0, 1))
    metrics = by_name["vinnas-digits-s1"].data.metrics
    assert metrics["test_accuracy"] == of.evaluation.test.accuracy
