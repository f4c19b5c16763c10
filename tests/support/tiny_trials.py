"""A trial in milliseconds, with the signature of `bench.run.trial.run_trial`, for worker processes.

The variable TINY_TRIALS maps labels to what their trials do (JSON): "finish" (default), "raise",
"kill", "exit" or "hang". A hanging trial writes its process id to the FIFO named by TINY_FIFO and
keeps it open: the reader sees the end of it when the process has ended. The variable TINY_POINTS
maps labels to points that are added to their test accuracies.
"""

from __future__ import annotations

import json
import os
import random
import signal
import threading
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from bench.data.config import DataConfig
from bench.data.loading import load
from bench.errors import BenchError
from bench.records import schema
from bench.records.schema import FailedRecord, FinishedRecord
from bench.run.messages import Done, EpochDone
from bench.study.model import Trial
from support import records


def run(
    trial: Trial,
    *,
    device: Any,
    data_root: Path | None,
    folder: Path,
    report: Callable[[EpochDone], None],
    found: FinishedRecord | None = None,
) -> Done:
    assert device.type == "cpu" and folder.name == trial.stem
    report(EpochDone("search", 1, 2, {"train_accuracy": 0.5}))
    does = json.loads(os.environ.get("TINY_TRIALS", "{}")).get(trial.label, "finish")
    if does == "raise":
        raise FloatingPointError("the loss is nan\nin epoch 2")
    if does == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if does == "exit":
        os._exit(3)
    if does == "hang":
        fifo = os.open(os.environ["TINY_FIFO"], os.O_WRONLY)
        os.write(fifo, b"%d\n" % os.getpid())
        threading.Event().wait()
    points = json.loads(os.environ.get("TINY_POINTS", "{}")).get(trial.label)
    if points is not None:
        return Done(with_accuracy(trial, points))
    if found is not None:
        search = {**found.search.model_dump(), "reused": {"trial": found.trial.id}}
        return Done(record(trial, search=search))
    return Done(record(trial), posterior())


def record(trial: Trial, **changes: Any) -> FinishedRecord:
    """A finished record of this trial, with synthetic numbers; `changes` are merged into it."""
    values = {**records.record(trial.label, trial.seed, dataset=trial.dataset), **_identity(trial)}
    values = records.merged(values, {"data": {"digest": digest(trial.data)}})
    made = schema.parse(records.merged(values, changes), "made for a test")
    assert isinstance(made, FinishedRecord)
    return made


def with_accuracy(trial: Trial, points: float) -> FinishedRecord:
    """A finished record with a test accuracy of 90 to 91 %, by label and seed, and the points."""
    accuracy = 0.9 + 0.01 * random.Random(f"{trial.label}-{trial.seed}").random() + points / 100
    return record(trial, evaluation={"test": {"accuracy": accuracy}})


@cache
def digest(config: DataConfig) -> str:
    """Of the images that a study's run would see; of data sets that are not here a made-up one."""
    import torch

    try:
        return load(config, None, torch.device("cpu")).search.digest
    except BenchError:
        return "d" * 64


def failed(trial: Trial, message: str = "why") -> FailedRecord:
    """A record of this trial, failed in its search."""
    values = {**records.record(trial.label, trial.seed, failed_in="search"), **_identity(trial)}
    values["error"] = {"stage": "search", "type": "E", "message": message}
    made = schema.parse(values, "made for a test")
    assert isinstance(made, FailedRecord)
    return made


def _identity(trial: Trial) -> dict[str, Any]:
    return {"trial": trial.identity(), "configuration": trial.configuration()}


def posterior() -> list[dict[str, Any]]:
    """Rows of a posterior table."""
    where = {"epoch": 1, "cell": "normal", "edge": 0, "operation": "skip_connect"}
    row = {**where, "mean": 0.1, "selected": True}
    return [row, {**row, "epoch": 2, "mean": 1 / 3, "alive": True}]
