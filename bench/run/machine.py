"""What this machine offers to a run: cores and devices."""

from __future__ import annotations

import os
from pathlib import Path

from bench.errors import ConfigurationError

QUOTA = Path("/sys/fs/cgroup/cpu.max")
"""A container's, in a line: microseconds of computing in so many, or "max"."""


def cores() -> int:
    """CPU cores that this process may use: its affinity, and a container's quota if it has one."""
    affinity = getattr(os, "sched_getaffinity", None)
    count = len(affinity(0)) if affinity else os.cpu_count() or 1
    try:
        quota, period = QUOTA.read_text().split()
        return max(1, min(count, int(quota) // int(period)))
    except (OSError, ValueError):  # no such file, or "max"
        return count


def memory() -> tuple[int, int] | None:
    """(total, available) bytes of main memory; None where the system does not say."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        values = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines}
        return values["MemTotal"], values["MemAvailable"]
    except (OSError, KeyError, ValueError, IndexError):
        return None


def devices(wanted: str, workers: int | None, threads: int, trials: int) -> list[str]:
    """The device of each worker process.

    `wanted` is cpu, cuda or auto (cuda where there is one). Without a number of `workers`: on the
    CPU as many as there are cores for `threads` each, on CUDA one; never more than `trials`.
    Several CUDA workers are dealt out over the devices. Raises ConfigurationError where CUDA is
    wanted and absent.
    """
    import torch

    available = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if wanted == "cuda" and not available:
        raise ConfigurationError(
            "--device cuda: torch finds no CUDA device here; use --device cpu (see bench doctor)"
        )
    cuda = wanted == "cuda" or (wanted == "auto" and available > 0)
    if workers is None:
        workers = 1 if cuda else cores() // threads
    workers = max(1, min(workers, trials))
    return [f"cuda:{index % available}" if cuda else "cpu" for index in range(workers)]
