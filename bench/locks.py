"""Locks between processes: files that the system unlocks when their process ends, however."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from bench.errors import BenchError

RUN = "run.lock"
_NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL)


class LockError(BenchError):
    """A lock that another process holds, or that cannot be had at all."""


@contextlib.contextmanager
def hold_run(folder: Path) -> Iterator[None]:
    """Be the one run that writes a results folder.

    Raises LockError, naming the other process, where there is another one.
    """
    path = folder / RUN
    try:
        lock = _acquire(path, timeout=0)
    except Timeout as error:
        owner = path.read_text(errors="replace").strip() or "unknown"
        raise LockError(
            f"another run is at work in {folder} (process {owner}): wait for it, or stop it"
        ) from error
    except OSError as error:
        raise LockError(f"cannot write {path}: {error.strerror or error}") from error
    try:
        try:
            path.write_text(f"{os.getpid()}\n")
        except OSError as error:  # a full disk
            raise LockError(f"cannot write {path}: {error.strerror or error}") from error
        yield
        with contextlib.suppress(OSError):
            path.write_text("")
    finally:
        lock.release()


@contextlib.contextmanager
def wait_for(path: Path) -> Iterator[None]:
    """Hold a lock that others hold only for a while: wait for it. Missing folders are made.

    Raises LockError, and OSError where the file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = _acquire(path, timeout=-1)
    try:
        yield
    finally:
        lock.release()


def _acquire(path: Path, timeout: float) -> FileLock:
    """timeout: seconds; negative waits as long as it takes. Raises Timeout, LockError, OSError."""
    lock = FileLock(path, timeout=timeout, fallback_to_soft=False)
    try:
        lock.acquire()
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        raise LockError(
            f"cannot lock {path}: {error.strerror}: its file system has no locks (flock); choose"
            " another folder"
        ) from error
    return lock
