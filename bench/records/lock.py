"""One process at a time writes a results folder."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from bench.errors import ResultsError

NAME = "run.lock"


@contextlib.contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold the folder's lock; the kernel lets go of it when the process ends, however it ends.

    Raises ResultsError, naming the other process, where another one holds it.
    """
    path = folder / NAME
    try:
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise ResultsError(f"cannot write {path}: {error.strerror}") from error
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            owner = os.read(file, 32).decode(errors="replace").strip() or "unknown"
            raise ResultsError(
                f"another run is at work in {folder} (process {owner}): wait for it, or stop it"
            ) from error
        os.ftruncate(file, 0)
        os.pwrite(file, f"{os.getpid()}\n".encode(), 0)
        yield
        os.ftruncate(file, 0)
    finally:
        os.close(file)


@contextlib.contextmanager
def waited(folder: Path) -> Iterator[None]:
    """Hold a lock of the folder that others hold only for moments: wait for it."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "moment.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
