"""How many cores and how much memory there are for this process. This imports no torch."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

GROUPS = Path("/sys/fs/cgroup")
QUOTA = GROUPS / "cpu.max"
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


def main_memory() -> tuple[int, int] | None:
    """(total, available) bytes of main memory for this process; None where nothing says.

    Where a control group limits it, as in a container or a batch system's job, that limit counts.
    """
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        values = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines}
        total, available = values["MemTotal"], values["MemAvailable"]
    except (OSError, KeyError, ValueError, IndexError):
        return None
    for limit, used in _limits():
        total, available = min(total, limit), min(available, max(0, limit - used))
    return total, available


def _limits() -> Iterator[tuple[int, int]]:
    """(limit, used) bytes of this process's control groups; the files that it reads do not count.

    Of version 1 (files memory.limit_in_bytes and so on) or 2 (memory.max).
    """
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        root = GROUPS / "memory" if controllers else GROUPS
        names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
        if not controllers:
            names = ("memory.max", "memory.current", "inactive_file")
        own = root / path.lstrip("/")
        for folder in dict.fromkeys([own, *own.parents]):
            if folder != root and root not in folder.parents:
                break
            try:
                limit = int((folder / names[0]).read_text())
                used = int((folder / names[1]).read_text())
                stat = dict(map(str.split, (folder / "memory.stat").read_text().splitlines()))
                yield limit, used - int(stat.get(names[2], 0))
            except (OSError, ValueError):  # no such file, or "max"
                continue
