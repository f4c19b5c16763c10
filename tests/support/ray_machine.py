"""A Ray cluster of two nodes on this machine, one CPU each, that tests may kill."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

HOSTS = ("127.0.0.2", "127.0.0.3")
"""Of the nodes; Ray turns 127.0.0.1 into the machine's own address, which nobody else can join."""
WITHIN = 120.0  # seconds
_MARK = "TEST_RAY_NODE"  # which node a process belongs to, in its environment


def reason_to_skip() -> str:
    """Why there can be no cluster here, or nothing."""
    if importlib.util.find_spec("ray") is None:
        return "Ray is not installed (pip install ray)"
    return "" if sys.platform == "linux" else "two loopback addresses and /proc are Linux's"


class RayMachine:
    """Two nodes; the first one is the head."""

    def __init__(self, folder: Path) -> None:
        """folder: with a short name, since sockets lie in it."""
        self.folder = folder
        with socket.socket() as probe:
            probe.bind((HOSTS[0], 0))
            self.address = f"{HOSTS[0]}:{probe.getsockname()[1]}"
        self._name = uuid.uuid4().hex

    def start(self, node: int) -> None:
        """Start a node."""
        port = self.address.partition(":")[2]
        head = ["--head", f"--port={port}", f"--temp-dir={self.folder}"]
        which = [f"--address={self.address}"] if node else [*head, "--include-dashboard=false"]
        variables = {
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_worker_niceness": "0",  # 15 by default: others on this machine would come first
            "OMP_NUM_THREADS": "1",
            _MARK: f"{self._name}-{node}",
        }
        outside = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "RAY_ADDRESS")}
        subprocess.run(
            [sys.executable, "-m", "ray.scripts.scripts", "start", *which, "--num-cpus=1",
             f"--node-ip-address={HOSTS[node]}", "--object-store-memory=100000000",
             "--disable-usage-stats"],
            env={**outside, **variables}, check=True, timeout=WITHIN, stdout=subprocess.DEVNULL,
        )  # fmt: skip

    def processes(self, node: int) -> list[int]:
        """The processes of a node: Ray's own and its workers."""
        mark = f"{_MARK}={self._name}-{node}".encode()
        ids = []
        for path in Path("/proc").glob("[0-9]*/environ"):
            with contextlib.suppress(OSError):
                if mark in path.read_bytes():
                    ids.append(int(path.parent.name))
        return ids

    def kill(self, node: int) -> None:
        """SIGKILL to all processes of a node, until none is left."""
        end = time.monotonic() + WITHIN
        while ids := self.processes(node):
            for process in ids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
            assert time.monotonic() < end, f"{ids} do not end"
            time.sleep(0.05)


@contextlib.contextmanager
def open_machine() -> Iterator[RayMachine]:
    """Two nodes while the context lasts."""
    folder = Path(tempfile.mkdtemp(prefix="ray", dir="/tmp"))
    machine = RayMachine(folder)
    try:
        machine.start(0)
        machine.start(1)
        yield machine
    finally:
        machine.kill(1)
        machine.kill(0)
        shutil.rmtree(folder, ignore_errors=True)
