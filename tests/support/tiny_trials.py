"""A trial in milliseconds, with the signature of `bench.run.trial.run_trial`, for worker processes.

The variable TINY_TRIALS maps labels to what their trials do (JSON): "finish" (default), "raise",
"kill", "exit" or "hang". A hanging trial writes its process id to the FIFO named by TINY_FIFO and
keeps it open: the reader sees the end of it when the process has ended.
"""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.study.model import Trial
from support import records


@dataclass(frozen=True)
class Progress:
    stage: str
    epoch: int
    epochs: int
    metrics: dict[str, float]


@dataclass(frozen=True)
class Outcome:
    record: dict[str, Any]
    posterior: list[dict[str, Any]]


def run(
    trial: Trial,
    *,
    device: Any,
    data_root: Path | None,
    folder: Path,
    report: Callable[[Progress], None],
    found: dict[str, Any] | None = None,
) -> Outcome:
    assert device.type == "cpu" and folder.name == trial.stem
    report(Progress("search", 1, 2, {"train_accuracy": 0.5}))
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
    made = record(trial)
    if found is not None:
        made["search"] = {**found["search"], "reused": {"trial": found["trial"]["id"]}}
        return Outcome(made, [])
    return Outcome(made, posterior())


def record(trial: Trial) -> dict[str, Any]:
    """A finished record of this trial, with synthetic numbers."""
    made = records.record(trial.label, trial.seed, dataset=trial.dataset, study=trial.study)
    made["trial"] = trial.identity()
    made["configuration"] = trial.configuration()
    return made


def posterior() -> list[dict[str, Any]]:
    where = {"epoch": 1, "cell": "normal", "edge": 0, "operation": "skip_connect"}
    row = {**where, "mean": 0.1, "selected": True}
    return [row, {**row, "epoch": 2, "mean": 1 / 3, "alive": True}]
