"""Tuning with an analytic objective: a group, jobs that take no time, and pools in this process."""

from __future__ import annotations

import io
import json
import os
import random
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from bench.records.parts import Failure
from bench.run.display import Display
from bench.run.messages import Died, EpochDone, Job, Message, Raised, Started, Stopped
from bench.run.progress import Board, Item
from bench.run.setting import Outcome
from bench.run.worker import Workplace, run_job
from bench.study.hyperparameters import Parameter, Values
from bench.tuning.driver import Driver
from bench.tuning.optuna_study import Attempt, Row, Tuner
from bench.tuning.plan import Settings

SPACE = (
    Parameter("learning_rate", 0.05, 0.005, 0.3, log=True),
    Parameter("drop_path", 0.0, 0.0, 0.3),
    Parameter("batch_size", 64, choices=(32, 64, 128)),
    Parameter("cutout", 0, 0, 7, whole=True),
)
STEPS = 4
FAILURE = Failure(stage="tuning", type="ValueError", message="out of\nmemory", traceback="")


def accuracy(values: Values) -> float:
    """Highest, 0.9, at learning rate 0.1 and drop path 0.1."""
    return 0.9 - (values["learning_rate"] - 0.1) ** 2 - (values.get("drop_path", 0) - 0.1) ** 2


def train(
    values: Values,
    *,
    device: torch.device,
    data_root: Path | None,
    folder: Path,
    report: Callable[[EpochDone], None],
    **others: Any,
) -> Outcome:
    """A job, in place of `bench.run.setting.train_setting`.

    The variable QUICK may name a file of jobs' misdeeds, which each does once: {name's end: "kill"
    (of this process), "raise" or "hang"}; "pace" are seconds that each epoch takes.
    """
    does = json.loads(Path(os.environ["QUICK"]).read_text()) if "QUICK" in os.environ else {}
    if "learning_rate" in values and values["learning_rate"] > 0.15:
        return Outcome((), {}, 1.0, diverged="the loss became nan")
    steps = {step: accuracy(values) * step / STEPS for step in range(1, STEPS + 1)}
    report(EpochDone("tuning", 0, STEPS))
    for step, value in steps.items():
        time.sleep(does.get("pace", 0))
        report(EpochDone("tuning", step, STEPS, {"accuracy": value, "seconds": float(step)}))
        if step == 2:
            _misbehave(does, folder)
    nonzero = 1000.0 * (1 - values.get("drop_path", 0))
    return Outcome((accuracy(values), nonzero), steps, 4.0, {"parameters": 100})


def _misbehave(does: Mapping[str, Any], folder: Path) -> None:
    for end, deed in does.items():
        if not folder.name.endswith(end):
            continue
        done = Path(f"{os.environ['QUICK']}.{end}")
        if done.exists():
            continue
        done.touch()
        if deed == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if deed == "raise":
            raise ValueError("out of\nmemory")
        time.sleep(600)


class QuickWork:
    """A group of one tuning, with no architectures."""

    def __init__(self, url: str, name: str = "quick", **settings: Any) -> None:
        self.name = name
        self.settings = Settings(**{"trials": 10, **settings})
        self.tuner = Tuner(name, url, SPACE, STEPS, self.settings)

    def name_setting(self, place: int) -> Item:
        return Item(f"{self.name}, setting {place}", f"{self.name} {place}", (self.name, ""))

    def make_job(self, attempt: Attempt) -> Job:
        name = f"tune-{self.name}-{attempt.trial.number}"
        return Job(name, "support.quick:train", {"values": attempt.values})


@dataclass
class InlinePool:
    """Another engine, in this process: jobs say one thing at a time, whose turn it is by `draw`.

    A stopped job says one thing more, as on a worker that has not heard of it yet. until: messages
    after which Ctrl-C comes. deeds: "raise" or "die", by the number of a job among all.
    """

    size: int = 1
    draw: random.Random = field(default_factory=lambda: random.Random(0))
    until: int = 10**9
    deeds: Mapping[int, str] = field(default_factory=dict)
    submitted: list[Job] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)
    forgotten: list[str] = field(default_factory=list)
    most: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.workers, self.where = self.size, "here"
        self._saying: dict[str, list[Message]] = {}

    @property
    def has_room(self) -> bool:
        return len(self._saying) < self.size

    def submit(self, job: Job) -> None:
        said: list[Message] = [Started()]
        place = Workplace(Path("nowhere"))
        outcome = run_job(job, place, "cpu", said.append)
        said.append(outcome)
        deed = self.deeds.get(len(self.submitted))
        if deed is not None and len(said) > 3:
            said[3:] = [Died(FAILURE) if deed == "die" else Raised(FAILURE)]
        self.submitted.append(job)
        self._saying[job.name] = said

    def stop(self, name: str) -> None:
        self.stopped.append(name)
        self._saying[name][1:] = [Stopped()]

    def messages(self) -> Iterator[tuple[str, Message]]:
        while self._saying:
            if self.until == 0:
                raise KeyboardInterrupt
            self.until -= 1
            if len(self._saying) > len(self.most):
                self.most = set(self._saying)
            name = self.draw.choice(list(self._saying))
            message = self._saying[name].pop(0)
            if not self._saying[name]:
                del self._saying[name]
            yield name, message

    def forget(self, name: str) -> None:
        self.forgotten.append(name)

    def close(self) -> None:
        self._saying.clear()


def tune(*works: QuickWork, pool: InlinePool | None = None, timeout: float | None = None) -> str:
    """Drive the works; the lines that were said."""
    pool, said = pool or InlinePool(), io.StringIO()
    leases = [work.tuner.begin("here") for work in works]
    board = Board(100, 0, pool.workers, [], Display(said), things="settings")
    try:
        Driver(works, pool, board, timeout=timeout).run()  # type: ignore[arg-type]
    finally:
        for lease in leases:
            lease.release()
    return said.getvalue()


def lasting(rows: list[Row]) -> list[tuple[Any, ...]]:
    """What does not depend on the clock."""
    keys = ("place", "state", "parameters", "values", "seconds", "steps", "error", "attempts")
    return [tuple(row[key] for key in keys) for row in rows]
