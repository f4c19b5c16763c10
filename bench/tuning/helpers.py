"""Further processes for the same `bench tune`: the same command again, as one process each."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def working(count: int) -> Iterator[None]:
    """`count` processes beside this one, which share its studies; ended when it ends early."""
    command = [sys.executable, "-m", "bench", *sys.argv[1:], "--workers", "1"]
    helpers = [subprocess.Popen(command, stdout=subprocess.DEVNULL) for _ in range(count)]
    try:
        yield
        for helper in helpers:
            helper.wait()
    finally:
        for helper in helpers:
            helper.kill()
            helper.wait()
