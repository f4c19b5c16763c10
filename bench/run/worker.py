"""A worker: runs jobs, one after another, and says how far it is."""

from __future__ import annotations

import importlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from bench.run import processes
from bench.run.messages import (
    EpochDone,
    Job,
    Message,
    Outcome,
    Raised,
    Returned,
    Stopped,
    describe_failure,
)


@dataclass(frozen=True)
class Workplace:
    """Where workers run jobs.

    A job's checkpoints go to `folder`/<name>, where they stay until its result is kept: a run that
    is killed before that goes on from them.
    """

    folder: Path
    data_root: Path | None = None

    def forget(self, name: str) -> None:
        """Remove a job's checkpoints, if there are any."""
        shutil.rmtree(self.folder / name, ignore_errors=True)


class Stop(BaseException):
    """Raised in a job, from its `report`, to end it; no error, so `except Exception` lets it by."""


def run_job(
    job: Job, workplace: Workplace, device: str, report: Callable[[EpochDone], None]
) -> Outcome:
    """Call a job's function; `report` may raise Stop."""
    stage = "start"

    def note(progress: EpochDone) -> None:
        nonlocal stage
        stage = progress.stage
        report(progress)

    try:
        import torch

        module, _, name = job.function.partition(":")
        value = getattr(importlib.import_module(module), name)(
            **job.arguments,
            device=torch.device(device),
            data_root=workplace.data_root,
            folder=workplace.folder / job.name,
            report=note,
        )
        return Returned(value)
    except Stop:
        return Stopped()
    except Exception as error:
        return Raised(describe_failure(stage, error))


def serve(pipe: Connection, device: str, workplace: Workplace) -> None:
    """Run the jobs that come through `pipe`, for ever: the parent ends this process.

    What comes while a job runs is the name of one that is to stop: this one, or one that has ended.
    """
    processes.end_with_parent()
    while True:
        job = pipe.recv()
        if isinstance(job, Job):
            pipe.send(_run(job, pipe, device, workplace))


def _run(job: Job, pipe: Connection, device: str, workplace: Workplace) -> Message:
    def report(progress: EpochDone) -> None:
        pipe.send(progress)
        while pipe.poll():
            if pipe.recv() == job.name:
                raise Stop

    return run_job(job, workplace, device, report)
