"""Whether another process of this machine still lives; of other machines nothing is known."""

from __future__ import annotations

import os
import socket
from pathlib import Path


def this_process() -> str:
    """A name of this process that no other has, here or elsewhere: "machine id start"."""
    return f"{_machine()} {os.getpid()} {_start(os.getpid())}"


def is_gone(name: str) -> bool:
    """Whether the process with this name was of this machine and has ended."""
    machine, process, start = name.rsplit(" ", 2)
    return machine == _machine() and _start(int(process)) != start


def _machine() -> str:
    """Host, boot and name space of process ids: where all are the same, an id means the same."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        space = str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        boot, space = "", ""
    return f"{socket.gethostname()} {boot} {space}"


def _start(process: int) -> str:
    """When a process was started, in the system's ticks; empty where there is none, or a zombie."""
    try:
        text = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    fields = text.rpartition(")")[2].split()
    return "" if fields[0] in "ZX" else fields[19]
