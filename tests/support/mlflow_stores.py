"""MLflow stores, embedded or served on the loopback, as tests look into them."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.records import schema
from bench.records.schema import RunRecord
from bench.tracking import store


def client(folder: Path, uri: str | None = None) -> Any:
    """A client of an embedded store, or of the one at the URI."""
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=uri or f"sqlite:///{folder / store.DATABASE}")


def runs(folder: Path, uri: str | None = None, study: str = "quickstart") -> list[Any]:
    """All runs of a study."""
    opened = client(folder, uri)
    return list(opened.search_runs([opened.get_experiment_by_name(study).experiment_id]))


def write_files(folder: Path, record: RunRecord, cells: bool = True) -> None:
    """The files that a trial leaves in results/<study>."""
    name = record.trial.stem
    for part in ("records", "cells"):
        (folder / part).mkdir(exist_ok=True)
    (folder / "records" / f"{name}.json").write_text(schema.text(record))
    (folder / "records" / f"{name}.posterior.csv").write_text("epoch,cell,mean\n1,normal,0.5\n")
    if cells:
        (folder / "cells" / f"{name}.png").write_bytes(b"\x89PNG")


@contextlib.contextmanager
def served(folder: Path, backend: str, seconds: float = 90, port: int = 0) -> Iterator[str]:
    """A real `mlflow server` on the loopback, its artifacts proxied; port 0 is any free one."""
    with socket.create_server(("127.0.0.1", port)) as listener:
        port = listener.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--workers", "1", "--backend-store-uri", backend]
    command += ["--artifacts-destination", str(folder / "destination")]
    # without jobs a server is one process in place of eight that import MLflow
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    environment = {**os.environ, **quiet}
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
