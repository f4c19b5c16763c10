"""Where and with what a trial ran: hardware, versions, code, peak memory."""

from __future__ import annotations

import contextlib
import os
import platform
import resource
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import torch

import bench
from bench.errors import as_text
from bench.run import packages


def describe(device: torch.device) -> dict[str, Any]:
    """The record's `environment`."""
    return {
        "device": device.type,
        "hardware": hardware(device),
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "packages": dict(packages.list_versions()),
    }


def hardware(device: torch.device) -> str:
    """The name of the GPU, or of the processor with the cores that this process may use."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    return f"{_processor()}, {cores} core{'s' if cores != 1 else ''}"


def provenance(started: str, finished: str) -> dict[str, Any]:
    """The record's `provenance`: versions of code and engine, times (ISO, UTC), command."""
    commit, dirty = code_version()
    command = as_text(" ".join(["bench", *sys.argv[1:]]))
    return {
        "git_commit": commit,
        "git_dirty": dirty,
        "version": bench.__version__,
        "engine_version": bench.ENGINE_VERSION,
        "started": started,
        "finished": finished,
        "command": command,
    }


@cache
def code_version() -> tuple[str | None, bool | None]:
    """Git commit of the harness's own checkout, and whether its code differs; None outside one."""
    root = Path(bench.__file__).resolve().parent.parent
    if not (root / ".git").exists():
        return None, None
    try:
        commit = _git(root, "rev-parse", "HEAD")
        dirty = _git(root, "status", "--porcelain", "--", "bench", "methods", "pyproject.toml")
    except (OSError, subprocess.SubprocessError):
        return None, None
    return commit, bool(dirty)


class PeakMemory:
    """Peak memory of a stretch of work, bytes: the device's on CUDA, else this process's."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
        else:
            with contextlib.suppress(OSError):  # Linux: start the high-water mark anew
                Path("/proc/self/clear_refs").write_text("5")

    def read(self) -> int:
        """The peak since this object was made (where it cannot be reset: since the start)."""
        if self.device.type == "cuda":
            return int(torch.cuda.max_memory_allocated(self.device))
        try:
            for line in Path("/proc/self/status").read_text().splitlines():
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
        except OSError:
            pass
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _git(root: Path, *arguments: str) -> str:
    command = ["git", "-C", str(root), *arguments]
    run = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
    return run.stdout.strip()


@cache
def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
