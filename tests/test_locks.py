"""Locks between processes: who holds one is said, a killed process holds none."""

from __future__ import annotations

import errno
import fcntl
import multiprocessing
import os
import resource
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
