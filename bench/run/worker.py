"""A worker process: takes jobs from a pipe, one after another, and sends back messages."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from bench.errors import one_line
from bench.records.schema import FinishedRecord
from bench.run import processes
from bench.run.messages import Done, EpochDone, Job, Message, Note, Raised, describe_failure
from bench.study.model import Trial

RUN_TRIAL = "bench.run.trial:run_trial"
LONGEST = 160  # characters of a reason that is said


@dataclass(frozen=True)
class Workplace:
    """How and where workers run trials.

    execute: "module:function" with the signature of `bench.run.trial.run_trial`; its module may
    have a `search_together`. Checkpoints of a trial go to `folder`/<stem>.
    """

    folder: Path
    data_root: Path | None = None
    execute: str = RUN_TRIAL


def serve(pipe: Connection, device: str, workplace: Workplace) -> None:
    """Run the trials that come through `pipe`, for ever: the parent ends this process.

    The trials of a group are searched together before each of them is run.
    """
    processes.end_with_parent()
    while True:
        job: Job = pipe.recv()
        if len(job.trials) > 1 and (why := _search_together(job.trials, pipe, device, workplace)):
            seeds = ", ".join(str(trial.seed) for trial in job.trials)
            what = f"{job.trials[0].label} on {job.trials[0].dataset}, seeds {seeds}"
            pipe.send(Note(f"{what}: searched one after another: {why[:LONGEST]}"))
        for trial in job.trials:
            pipe.send(_run(trial, job.found, pipe, device, workplace))


def _search_together(
    trials: Sequence[Trial], pipe: Connection, device: str, workplace: Workplace
) -> str | None:
    """Why the trials could not be searched together; None where they were."""
    try:
        module, _ = _locate(workplace.execute)
        why: str | None = module.search_together(
            trials,
            **_arguments(device, workplace.data_root, workplace.folder, pipe.send),
        )
    except Exception as error:
        why = one_line(error)
    return why


def _run(
    trial: Trial,
    found: FinishedRecord | None,
    pipe: Connection,
    device: str,
    workplace: Workplace,
) -> Message:
    stage = "start"

    def report(progress: EpochDone) -> None:
        nonlocal stage
        stage = progress.stage
        pipe.send(progress)

    try:
        module, name = _locate(workplace.execute)
        arguments = _arguments(device, workplace.data_root, workplace.folder / trial.stem, report)
        done: Done = getattr(module, name)(trial, found=found, **arguments)
        return done
    except Exception as error:
        return Raised(describe_failure(stage, error))


def _locate(execute: str) -> tuple[Any, str]:
    module, _, name = execute.partition(":")
    return importlib.import_module(module), name


def _arguments(
    device: str, data_root: Path | None, folder: Path, report: Callable[[EpochDone], None]
) -> dict[str, Any]:
    import torch

    return {
        "device": torch.device(device),
        "data_root": data_root,
        "folder": folder,
        "report": report,
    }
