"""A worker process: takes trials from a pipe, one after another, and sends back what they leave.

Trials come in groups, mostly of one; a larger group differs in the seed alone and is searched
together before each of its trials is run. With a group comes the record of a finished trial whose
search is the same, or None. Messages to the parent are plain tuples, so that it
needs no torch to read them:

    ("progress", stage, epoch, epochs)     epoch of epochs is finished
    ("note", text)                         something to say to the user
    ("done", record, posterior rows)
    ("raised", error)                      as in a record: stage, type, message, traceback
"""

from __future__ import annotations

import importlib
import os
import threading
import traceback
from collections.abc import Mapping, Sequence
from multiprocessing import parent_process
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from bench.study.model import Trial

LONGEST = 160  # characters of a reason that is said


def serve(
    pipe: Connection, execute: str, device: str, data_root: Path | None, folder: Path
) -> None:
    """Run the trials that come through `pipe`, for ever: the parent ends this process.

    `execute` is "module:function" with the signature of `bench.run.trial.run_trial`; checkpoints of
    a trial go to `folder`/<stem>. It ends itself when its parent dies.
    """
    threading.Thread(target=_end_with_parent, daemon=True).start()
    while True:
        trials, found = pipe.recv()
        if len(trials) > 1:
            _search_together(trials, pipe, execute, device, data_root, folder)
        for trial in trials:
            pipe.send(_run(trial, pipe, execute, device, data_root, folder, found))


def _search_together(
    trials: Sequence[Trial],
    pipe: Connection,
    execute: str,
    device: str,
    data_root: Path | None,
    folder: Path,
) -> None:
    """Call `search_together` of the module of `execute`; say so where it cannot."""

    def report(progress: Any) -> None:
        pipe.send(("progress", progress.stage, progress.epoch, progress.epochs))

    try:
        import torch

        search_together = importlib.import_module(execute.partition(":")[0]).search_together
        why = search_together(
            trials,
            device=torch.device(device),
            data_root=data_root,
            folder=folder,
            report=report,
        )
    except Exception as error:
        why = " ".join(str(error).split())
    if why is not None:
        seeds = ", ".join(str(trial.seed) for trial in trials)
        what = f"{trials[0].label} on {trials[0].dataset}, seeds {seeds}"
        pipe.send(("note", f"{what}: searched one after another: {why[:LONGEST]}"))


def _run(
    trial: Trial,
    pipe: Connection,
    execute: str,
    device: str,
    data_root: Path | None,
    folder: Path,
    found: Mapping[str, Any] | None,
) -> tuple[Any, ...]:
    stage = "start"

    def report(progress: Any) -> None:
        nonlocal stage
        stage = progress.stage
        pipe.send(("progress", progress.stage, progress.epoch, progress.epochs))

    try:
        import torch

        module, _, name = execute.partition(":")
        known = {} if found is None else {"found": found}
        outcome = getattr(importlib.import_module(module), name)(
            trial,
            device=torch.device(device),
            data_root=data_root,
            folder=folder / trial.stem,
            report=report,
            **known,
        )
        return "done", outcome.record, outcome.posterior
    except Exception as error:
        return (
            "raised",
            {
                "stage": stage,
                "type": type(error).__name__,
                "message": " ".join(str(error).split()),
                "traceback": traceback.format_exc(),
            },
        )


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
