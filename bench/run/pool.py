"""A pool of worker processes on this machine, which cannot take the study down with them.

Every worker has its own pipe (a queue shared by all could be left locked by one that is killed).
Workers do not see Ctrl-C: this process ends them.
"""

from __future__ import annotations

import contextlib
import signal
from collections import deque
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

from bench.records.parts import Failure
from bench.run import processes
from bench.run.messages import Died, EpochDone, Job, Message, Outcome, Started
from bench.run.worker import Workplace, serve

END_WITHIN = 10.0  # seconds that an idle worker has to end by itself


class LocalPool:
    """One worker process for each device: a `bench.run.schedule.Pool`."""

    def __init__(self, devices: Sequence[str], workplace: Workplace) -> None:
        self.workers = len(devices)
        self.where = f"{len(devices)} x {devices[0].partition(':')[0]}"
        self._workplace = workplace
        self._slots = [_Slot(device, workplace) for device in devices]
        self._unsaid: deque[tuple[str, Message]] = deque()

    @property
    def has_room(self) -> bool:
        """Whether a worker has nothing to do."""
        return any(slot.job is None for slot in self._slots)

    def submit(self, job: Job) -> None:
        """Give the first idle worker a job."""
        next(slot for slot in self._slots if slot.job is None).give(job)
        self._unsaid.append((job.name, Started()))

    def stop(self, name: str) -> None:
        """End a job at its next report."""
        for slot in self._slots:
            if slot.job == name:
                slot.stop()

    def messages(self) -> Iterator[tuple[str, Message]]:
        """What is said of jobs, as it comes, until no worker has anything to do."""
        while True:
            while self._unsaid:
                yield self._unsaid.popleft()
            busy = {source: s for s in self._slots if s.job for source in s.sources()}
            if not busy:
                return
            for slot in {id(busy[source]): busy[source] for source in wait(list(busy))}.values():
                self._unsaid.extend(slot.read())

    def forget(self, name: str) -> None:
        """Remove a job's checkpoints."""
        self._workplace.forget(name)

    def close(self) -> None:
        """End the workers now."""
        for slot in self._slots:
            slot.kill()


class _Slot:
    """A place for one worker process at a time; a dead one is replaced with the next job."""

    def __init__(self, device: str, workplace: Workplace) -> None:
        self.job: str | None = None
        self._stage = "start"
        self._arguments = (device, workplace)
        self._process: BaseProcess | None = None
        self._pipe: Connection | None = None

    def give(self, job: Job) -> None:
        """Send a job to the worker, which is started if there is none."""
        if self._process is None or not self._process.is_alive():
            self.kill()
            self._pipe, theirs = processes.SPAWN.Pipe()
            self._process = processes.start(serve, (theirs, *self._arguments))
            theirs.close()
        self.job, self._stage = job.name, "start"
        assert self._pipe is not None
        with contextlib.suppress(OSError):  # it has died just now: read() will say so
            self._pipe.send(job)

    def stop(self) -> None:
        """Ask for an end of the present job."""
        assert self._pipe is not None
        with contextlib.suppress(OSError):
            self._pipe.send(self.job)

    def sources(self) -> list[Any]:
        """What to wait on: the pipe, and the process for where it dies."""
        assert self._pipe is not None and self._process is not None
        return [self._pipe, self._process.sentinel]

    def read(self) -> Iterator[tuple[str, Message]]:
        """What has come; a death is the message that says so."""
        assert self._pipe is not None and self._process is not None
        try:
            alive = self._process.is_alive()
            while self.job and self._pipe.poll():
                message = self._pipe.recv()
                yield self.job, message
                if isinstance(message, EpochDone):
                    self._stage = message.stage
                elif isinstance(message, Outcome):
                    self.job = None
            if alive or self.job is None:
                return
        except (EOFError, OSError):
            pass
        self._process.join(END_WITHIN)
        error = Failure(
            stage=self._stage,
            type="WorkerDied",
            message=_explain(self._process.exitcode),
            traceback="",
        )
        name = self.job
        assert name is not None
        self.kill()
        yield name, Died(error)

    def kill(self) -> None:
        """End the worker now, if there is one."""
        self.job = None
        if self._process is not None:
            self._process.kill()
            self._process.join()
        if self._pipe is not None:
            self._pipe.close()
        self._process = self._pipe = None


def _explain(code: int | None) -> str:
    """Why a process ended, from its exit code."""
    if code is not None and code < 0:
        name = signal.Signals(-code).name
        hint = " (out of memory?)" if -code == signal.SIGKILL else ""
        return f"the worker process was ended by {name}{hint}"
    return f"the worker process ended with exit status {code}"
