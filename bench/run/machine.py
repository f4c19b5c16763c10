"""What this machine offers to a run: cores and devices."""

from __future__ import annotations

import os
from pathlib import Path

from bench.errors import ConfigurationError, one_line

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


def refuse_absent_cuda(wanted: str) -> None:
    """Raise ConfigurationError where `wanted` is cuda and torch cannot compute on a device."""
    if wanted != "cuda":
        return
    import torch

    rest = "use --device cpu (see bench doctor)"
    if not (torch.cuda.is_available() and torch.cuda.device_count()):
        raise ConfigurationError(f"--device cuda: torch finds no CUDA device here; {rest}")
    try:
        torch.ones(1, device="cuda").add(1).item()
    except RuntimeError as error:  # too old for this torch, in exclusive use, broken
        problem = one_line(error)
        raise ConfigurationError(
            f"--device cuda: torch cannot compute on it: {problem}; {rest}"
        ) from error


def devices(wanted: str, workers: int | None, threads: int, trials: int) -> list[str]:
    """The device of each worker process.

    `wanted` is cpu, cuda or auto (cuda where there is one). Without a number of `workers`: on the
    CPU as many as there are cores for `threads` each, on CUDA one; never more than `trials`.
    Several CUDA workers are dealt out over the devices. Raises ConfigurationError where CUDA is
    wanted and absent.
    """
    import torch

    refuse_absent_cuda(wanted)
    available = torch.cuda.device_count() if torch.cuda.is_available() else 0
    cuda = wanted == "cuda" or (wanted == "auto" and available > 0)
    if workers is None:
        workers = 1 if cuda else cores() // threads
    workers = max(1, min(workers, trials))
    return [f"cuda:{index % available}" if cuda else "cpu" for index in range(workers)]
