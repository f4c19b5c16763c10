"""Faults of servers: MLflow's, gone and back, and PostgreSQL, restarted."""

from __future__ import annotations

import contextlib
import importlib.util
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from support import postgresql
from support.mlflow_stores import served

from campaign import comparing
from campaign.commands import LOOK
from campaign.kills import ALWAYS, RUN, TUNE, check_settings

if TYPE_CHECKING:
    from campaign.faults import Scene, Skip

STARTING = 300.0  # seconds that a server may take to start


def restart_mlflow(scene: Scene) -> Skip:
    """The server ends once the first trial has been sent, and comes back after the run."""
    place = scene.place
    backend = f"sqlite:///{place.folder / 'server.db'}"
    with served(place.folder, backend, STARTING) as uri:
        _wait_for_answer(uri)
        sent = place.results / "mlflow.db.logged.json"
        running = place.start("run", *ALWAYS, *RUN.arguments, "--tracking-uri", uri)
        running.wait_until(sent.exists)
    ended = running.end()
    scene.ended(ended, (scene.unbroken.status,), "warning: MLflow at")
    warnings = [line for line in ended.lines if line.startswith("warning:")]
    scene.part.check(len(warnings) == 1, "different", f"warnings: {warnings}")
    comparing.check_same(scene.part, place, scene.unbroken.results, "without the server")
    port = urlsplit(uri).port
    assert port is not None
    with served(place.folder, backend, STARTING, port) as uri:
        _wait_for_answer(uri)
        for _ in range(2):  # the second time there is nothing to send
            ended = place.run("sync", "--results", "results", "--tracking-uri", uri)
            scene.ended(ended, (0,))
        said = f"0 runs sent, 0 completed, {len(place.methods)} were there"
        scene.part.check(said in ended.out, "different", f"the second sync: {ended.out}")
        comparing.check_tracked(scene.part, place, "after sync", uri)
    return None


def _wait_for_answer(uri: str) -> None:
    """Wait until a server that takes connections answers too."""
    end = time.monotonic() + STARTING
    while time.monotonic() < end:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{uri}/health", timeout=5):
            return
        time.sleep(LOOK)
    raise RuntimeError(f"the MLflow server at {uri} does not answer")


def restart_postgresql(scene: Scene) -> Skip:
    """The server is restarted while settings are tried."""
    if importlib.util.find_spec("psycopg") is None:
        return "psycopg is not installed (pip install -e '.[postgresql]')"
    for name in ("initdb", "postgres"):
        if postgresql.find_program(name) is None:
            return f"PostgreSQL's {name} is not installed"
    place = scene.unbroken.new_place(scene.place.folder / "tuned", finished=True)
    with tempfile.TemporaryDirectory(prefix="bench-postgresql-") as folder:
        server = postgresql.Server(Path(folder))
        server.start()
        words = [*ALWAYS, *TUNE.arguments, "--storage", server.url]
        running = place.start("tune", *words)
        running.wait_until(lambda: running.err.read_text().count("validation accuracy") > 1)
        server.stop()
        server.start()
        ended = running.end()
        scene.ended(ended, (0, 2))
        if ended.status == 2:
            said = [line for line in ended.lines if line.startswith("bench: ")]
            scene.part.check(bool(said), "traceback", f"no line says why: {ended.err}")
            scene.ended(place.run("tune", *words), (0,))
        scene.part.note = f"the tuning ended with {ended.status}"
        check_settings(scene.part, server.url, "afterwards")
        server.stop()
    return None
