"""Which of the three places a data set's images are held in, and why."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from bench import capacity

SHARE = 0.5
"""Of the free memory: what images may take at most; the rest is the networks'."""


@dataclass(frozen=True)
class Placement:
    """storage: device, host or disk; bytes: of all images as they are held; why: a few words."""

    storage: str
    bytes: int
    why: str = ""

    def describe(self) -> str:
        """What a line on the data set says of it."""
        return f"storage {self.storage} ({format_bytes(self.bytes)}{self.why and f'; {self.why}'})"


def choose(
    wanted: str | None, needed: int, device: torch.device, threads: int | None = None
) -> Placement:
    """Where images of so many bytes are held for a trial that computes on `device`.

    wanted: what the study says; None: the device where they take at most SHARE of its free memory,
    else the host on the same condition, else the disk. Main memory is shared by as many trials as
    there are cores for `threads` each (None: as many as this process computes with). On a CPU host
    and device are the same memory, and the host is never chosen. The bits are the same in all.
    """
    if wanted is not None:
        return Placement(wanted, needed, "as the study says")
    reasons = []
    if device.type == "cuda":
        free = torch.cuda.mem_get_info(device)[0] if torch.cuda.is_available() else None
        if free is None or needed <= SHARE * free:
            return Placement("device", needed)
        reasons.append(f"of the device's memory {format_bytes(free)} are free")
    memory = capacity.main_memory()
    workers = max(1, torch.cuda.device_count())
    if device.type == "cpu":
        workers = max(1, capacity.cores() // (threads or torch.get_num_threads()))
    if memory is None or needed <= SHARE * memory[1] / workers:
        storage = "device" if device.type == "cpu" else "host"
        return Placement(storage, needed, "; ".join(reasons))
    shared = f", shared by {workers} trials" if workers > 1 else ""
    reasons.append(f"of the main memory {format_bytes(memory[1])} are free{shared}")
    return Placement("disk", needed, "; ".join(reasons))


def format_bytes(count: int) -> str:
    """A number of bytes in words."""
    size = float(count)
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
