"""Locks between processes: who holds one is said, a killed process holds none."""

from __future__ import annotations

import errno
import fcntl
import multiprocessing
import os
import resource
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest

from bench import locks

SPAWN = multiprocessing.get_context("spawn")


def hold_run(folder: str, pipe: Any) -> None:
    with locks.hold_run(Path(folder)):
        pipe.send(os.getpid())
        pipe.recv()


def append_when_free(folder: str, pipe: Any) -> None:
    """Holds the lock from when it is told that it has it until it is told to end."""
    pipe.send(os.getpid())
    letter = pipe.recv()
    with locks.wait_for(Path(folder) / "new" / "moment.lock"):
        pipe.send("holding")
        pipe.recv()
        with (Path(folder) / "letters").open("a") as file:
            file.write(letter)


@contextmanager
def other_process(
    target: Callable[[str, Any], None], folder: Path
) -> Iterator[tuple[BaseProcess, Connection]]:
    """A process that has said its id, and the pipe to it."""
    ours, theirs = SPAWN.Pipe()
    process = SPAWN.Process(target=target, args=(str(folder), theirs))
    process.start()
    assert ours.recv() == process.pid
    try:
        yield process, ours
    finally:
        process.kill()
        process.join()


def test_a_full_disk_is_said_in_one_line(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        refused = pytest.raises(locks.LockError, match=r"cannot write .*run\.lock: File too large")
        with refused, locks.hold_run(tmp_path):
            pass
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    with locks.hold_run(tmp_path):  # it is not left locked
        pass


def test_one_run_at_a_time(tmp_path: Path) -> None:
    with other_process(hold_run, tmp_path) as (other, _):
        for _ in range(2):  # being refused leaves the holder's name where it is
            with (
                pytest.raises(
                    locks.LockError,
                    match=rf"another run is at work in .* \(process {other.pid}\)",
                ),
                locks.hold_run(tmp_path),
            ):
                pass
    with locks.hold_run(tmp_path):  # the other one was killed
        pass
    assert (tmp_path / locks.RUN).read_bytes() == b""


def test_a_lock_that_others_hold_for_a_while_is_waited_for(tmp_path: Path) -> None:
    with (
        other_process(append_when_free, tmp_path) as (first, one),
        other_process(append_when_free, tmp_path) as (second, two),
    ):
        one.send("a")
        assert one.recv() == "holding"
        two.send("b")  # it waits from about now
        two.send("go on")
        one.send("go on")
        assert two.recv() == "holding"
        first.join()
        second.join()
    assert (tmp_path / "letters").read_text() == "ab"


def test_a_killed_process_is_not_waited_for(tmp_path: Path) -> None:
    with other_process(append_when_free, tmp_path) as (process, pipe):
        pipe.send("a")
        assert pipe.recv() == "holding"
        process.kill()
        with locks.wait_for(tmp_path / "new" / "moment.lock"):
            pass
    assert not (tmp_path / "letters").exists()


@pytest.mark.parametrize("code", [errno.ENOSYS, errno.ENOTSUP, errno.ENOLCK])
@pytest.mark.parametrize("lock", [locks.hold_run, lambda folder: locks.wait_for(folder / "lock")])
def test_a_file_system_without_locks_is_one_line(
    code: int,
    lock: Callable[[Path], AbstractContextManager[None]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(descriptor: int, operation: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(locks.LockError, match="its file system has no locks") as caught:
        lock(tmp_path).__enter__()
    assert "\n" not in str(caught.value) and str(tmp_path) in str(caught.value)


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(locks.LockError, match=r"cannot write .*run\.lock: \w+"),
        locks.hold_run(tmp_path / "file"),
    ):
        pass


class Kept:
    """Where a lease is, which may have been renewed some time ago."""

    def __init__(self) -> None:
        self.value: Any = None

    def write(self, value: Any) -> None:
        self.value = value

    def lease(self, who: str) -> locks.Lease:
        return locks.Lease("the study", who, lambda: self.value, self.write)


def test_a_lease_keeps_others_away_while_it_is_renewed() -> None:
    kept = Kept()
    first = kept.lease("a:/results")
    with pytest.raises(locks.LockError, match=r"^the study: a:/results is at work on it and was"):
        kept.lease("b:/results")
    kept.value["alive"] -= locks.GONE - 10
    with pytest.raises(locks.LockError, match="was alive 170 s ago: wait for it, or stop it"):
        kept.lease("b:/results")
    first.renew()
    first.release()
    kept.lease("b:/results").check()


def test_a_lease_that_was_not_renewed_is_anybody_s_and_the_first_one_notices() -> None:
    """Also at once where a lock on files says that the other process is gone."""
    kept = Kept()
    first = kept.lease("a:/results")
    kept.value["alive"] -= locks.GONE + 1
    second = kept.lease("b:/results")
    with pytest.raises(locks.LockError, match="the study: b:/results has taken it over"):
        first.check()
    third = kept.lease("b:/results")
    with pytest.raises(locks.LockError, match="has taken it over"):
        second.release()
    third.check()


def test_leases_are_renewed_in_the_background_and_released(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(locks, "BEAT", 0.01)
    kept, renewed = Kept(), threading.Event()
    lease = kept.lease("a:/results")
    begun = kept.value["alive"]
    write = kept.write

    def watch(value: Any) -> None:
        write(value)
        if value is not None and value["alive"] > begun:
            renewed.set()

    lease._write = watch
    with locks.renewing(lease):
        assert renewed.wait(60)
    assert kept.value is None
