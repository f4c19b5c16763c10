"""A worker process: takes jobs from a pipe, one after another, and sends back messages."""

from __future__ import annotations

import importlib
import shutil
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from bench.records.parts import TrialIdentity
from bench.run import processes
from bench.run.messages import Done, EpochDone, Job, Message, Raised, describe_failure
from bench.study.model import Trial

RUN_TRIAL = "bench.run.trial:run_trial"


@dataclass(frozen=True)
class Workplace:
    """How and where workers run trials.

    execute: "module:function" with the signature of `bench.run.trial.run_trial`. Checkpoints of a
    trial go to `folder`/<stem>, where they stay until its record is written: a run that is killed
    before that goes on from them.
    """

    folder: Path
    data_root: Path | None = None
    execute: str = RUN_TRIAL

    def forget(self, trial: Trial | TrialIdentity) -> None:
        """Remove a trial's checkpoints, if there are any."""
        shutil.rmtree(self.folder / trial.stem, ignore_errors=True)


def serve(pipe: Connection, device: str, workplace: Workplace) -> None:
    """Run the trials that come through `pipe`, for ever: the parent ends this process."""
    processes.end_with_parent()
    while True:
        pipe.send(_run(pipe.recv(), pipe, device, workplace))


def _run(job: Job, pipe: Connection, device: str, workplace: Workplace) -> Message:
    stage = "start"

    def report(progress: EpochDone) -> None:
        nonlocal stage
        stage = progress.stage
        pipe.send(progress)

    try:
        import torch

        module, _, name = workplace.execute.partition(":")
        done: Done = getattr(importlib.import_module(module), name)(
            job.trial,
            found=job.found,
            device=torch.device(device),
            data_root=workplace.data_root,
            folder=workplace.folder / job.trial.stem,
            report=report,
        )
        return done
    except Exception as error:
        return Raised(describe_failure(stage, error))
