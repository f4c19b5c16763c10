"""Locks between processes: files that the system unlocks when their process ends, however.

And leases, for processes on machines that share a database, but no files.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from bench.errors import BenchError

RUN = "run.lock"
BEAT, GONE = 30.0, 180.0
"""Seconds: a lease is renewed so often, and anybody's when it was not renewed for so many."""
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


class Lease:
    """The right to write something, kept there, of a process that says again and again it lives."""

    def __init__(
        self,
        what: str,
        who: str,
        read: Callable[[], Mapping[str, Any] | None],
        write: Callable[[Mapping[str, Any] | None], None],
    ) -> None:
        """Take it. what: for messages. who: machine and folder, where a lock keeps others away.

        Raises LockError where somebody else has it and lives.
        """
        self._what, self._who, self._token = what, who, uuid.uuid4().hex
        self._read, self._write = read, write
        other = read()
        silent = GONE if other is None or other["who"] == who else time.time() - other["alive"]
        if other is not None and silent < GONE:
            raise LockError(
                f"{what}: {other['who']} is at work on it and was alive {max(silent, 0):.0f} s"
                f" ago: wait for it, or stop it and come back {GONE / 60:.0f} minutes later"
            )
        self.renew()

    def renew(self) -> None:
        """Say that this process lives."""
        self._write({"who": self._who, "token": self._token, "alive": time.time()})

    def check(self) -> None:
        """Raises LockError where somebody has taken it since, as after a long sleep."""
        owner = self._read()
        if owner is None or owner["token"] != self._token:
            by = "somebody" if owner is None else owner["who"]
            raise LockError(f"{self._what}: {by} has taken it over")

    def release(self) -> None:
        """Let others have it at once."""
        self.check()
        self._write(None)


@contextlib.contextmanager
def renewing(lease: Lease) -> Iterator[None]:
    """Renew a lease while this runs and release it in the end; what fails is for others to see."""
    ended = threading.Event()

    def renew() -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # Ctrl-C is the main thread's
        while not ended.wait(BEAT):
            with contextlib.suppress(Exception):
                lease.check()
                lease.renew()

    thread = threading.Thread(target=renew, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        with contextlib.suppress(Exception):
            lease.release()
