"""What this machine offers to a run: cores and devices, and how many workers are fastest."""

from __future__ import annotations

import json
import os
from pathlib import Path

from bench import capacity
from bench.errors import ConfigurationError, one_line


def fastest_file() -> Path:
    """Where it is kept how many workers are fastest; of all studies of a user on a machine."""
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(cache).expanduser() / "bench" / "workers.json"


def fastest_key(threads: int) -> str:
    """What a measured number of workers depends on."""
    import torch

    from bench.run import environment

    name = environment.model(torch.device("cpu"))
    return f"{name}, {capacity.cores()} cores, {threads} threads, torch {torch.__version__}"


def read_fastest(threads: int) -> int | None:
    """The number of workers that was measured to be fastest on the CPU, if it was."""
    try:
        kept = json.loads(fastest_file().read_text(encoding="utf-8"))[fastest_key(threads)]
        return max(1, int(kept["workers"]))
    except (OSError, RuntimeError, ValueError, TypeError, LookupError):  # RuntimeError: no home
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

    `wanted` is cpu, cuda or auto (cuda where there is one). workers: on CUDA of each device, by
    default one; on the CPU all of them, by default as many as there are cores for `threads` each.
    Never more than `trials`. Raises ConfigurationError where CUDA is wanted and absent.
    """
    import torch

    refuse_absent_cuda(wanted)
    available = torch.cuda.device_count() if torch.cuda.is_available() else 0
    cuda = wanted == "cuda" or (wanted == "auto" and available > 0)
    if cuda:
        workers = (workers or 1) * available
    elif workers is None:
        workers = min(read_fastest(threads) or capacity.cores(), capacity.cores() // threads)
    workers = max(1, min(workers, trials))
    return [f"cuda:{index % available}" if cuda else "cpu" for index in range(workers)]
