"""A worker process: takes trials from a pipe, one after another, and sends back what they leave.

Messages to the parent are plain tuples, so that it needs no torch to read them:

    ("progress", stage, epoch, epochs)     epoch of epochs is finished
    ("done", record, posterior rows)
    ("raised", error)                      as in a record: stage, type, message, traceback
"""

from __future__ import annotations

import importlib
import os
import threading
import traceback
from multiprocessing import parent_process
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from bench.study import Trial


def serve(
    pipe: Connection, execute: str, device: str, data_root: Path | None, folder: Path
) -> None:
    """Run the trials that come through `pipe`, for ever: the parent ends this process.

    `execute` is "module:function" with the signature of `bench.trial.run_trial`; checkpoints of a
    trial go to `folder`/<stem>. It ends itself when its parent dies.
    """
    threading.Thread(target=_end_with_parent, daemon=True).start()
    while True:
        pipe.send(_run(pipe.recv(), pipe, execute, device, data_root, folder))


def _run(
    trial: Trial,
    pipe: Connection,
    execute: str,
    device: str,
    data_root: Path | None,
    folder: Path,
) -> tuple[Any, ...]:
    stage = "start"

    def report(progress: Any) -> None:
        nonlocal stage
        stage = progress.stage
        pipe.send(("progress", progress.stage, progress.epoch, progress.epochs))

    try:
        import torch

        module, _, name = execute.partition(":")
        outcome = getattr(importlib.import_module(module), name)(
            trial,
            device=torch.device(device),
            data_root=data_root,
            folder=folder / trial.stem,
            report=report,
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
