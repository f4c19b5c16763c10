"""Where and with what a trial ran: hardware, versions, code, peak memory."""

from __future__ import annotations

import contextlib
import os
import platform
import resource
import socket
import subprocess
import sys
from dataclasses import dataclass
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
        return model(device)
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    return f"{model(device)}, {cores} core{'s' if cores != 1 else ''}"


def model(device: torch.device) -> str:
    """The name of the GPU or of the processor."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else _processor()


@dataclass(frozen=True)
class Driver:
    """The process that gave this one its work, on another machine: its command and its code."""

    command: str
    commit: str | None
    dirty: bool | None


_driver: Driver | None = None


def this_driver() -> Driver:
    """This process, for others that it gives work."""
    return Driver(as_text(" ".join(["bench", *sys.argv[1:]])), *code_version())


def adopt(driver: Driver) -> None:
    """Work for a driver: records name its command, and its code where this code has no commit."""
    global _driver
    _driver = driver
    code_version.cache_clear()


def provenance(started: str, finished: str) -> dict[str, Any]:
    """The record's `provenance`: versions of code and engine, times (ISO, UTC), command, host."""
    commit, dirty = code_version()
    command = (_driver or this_driver()).command
    return {
        "host": socket.gethostname(),
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
    """Git commit of the harness's own checkout, and whether its code differs.

    Outside one those of the driver, whose code this is; None where there is none.
    """
    unknown = (None, None) if _driver is None else (_driver.commit, _driver.dirty)
    root = Path(bench.__file__).resolve().parent.parent
    if not (root / ".git").exists():
        return unknown
    try:
        commit = _git(root, "rev-parse", "HEAD")
        dirty = _git(root, "status", "--porcelain", "--", "bench", "methods", "pyproject.toml")
    except (OSError, subprocess.SubprocessError):
        return unknown
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
