"""What a tuning is, apart from the tool that does it: the plan, its places, and what came out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from bench.errors import BenchError
from bench.tuning.space import Parameter, Values

Pruner = Literal["hyperband", "median", "none"]
Per = Literal["trial", "method", "study"]
Report = Callable[[int, float], None]
"""(step from 1, accuracy so far); does not return where the trial is pruned."""


class TuningError(BenchError):
    """The storage cannot be reached, or refuses."""


class Diverged(Exception):
    """The objective's training broke down: a result, of the worst kind, and no mistake."""


@dataclass(frozen=True)
class Settings:
    """What is tuned, how hard, and where.

    epochs: of one training; None: the study's. architectures: of a group, at most; None: all.
    storage: an Optuna URL; None: a database beside the results. timeout: seconds after which
    this process begins no further setting. workers: processes, this one among them.
    """

    per: Per = "method"
    trials: int = 20
    epochs: int | None = None
    architectures: int | None = None
    only: tuple[str, ...] = ()
    pruner: Pruner = "median"
    objectives: tuple[str, ...] = ("accuracy",)
    storage: str | None = None
    timeout: float | None = None
    seed: int = 0
    device: str = "auto"
    data_root: Path | None = None
    tracking_uri: str | None = None
    workers: int = 1

    @property
    def name(self) -> str:
        """Of the folder of results."""
        return "-".join([self.per, *self.objectives[1:]])


@dataclass(frozen=True)
class Outcome:
    """values: at least one an objective (accuracy, non-zero parameters); facts: to be kept."""

    values: tuple[float, ...]
    facts: dict[str, Any]


Objective = Callable[[Values, Report], Outcome]


@dataclass(frozen=True)
class Plan:
    """One Optuna study: what is tried, how often, and where that is kept.

    url: of an Optuna storage, or journal:FILE. steps: reports of a trial that is not pruned.
    """

    name: str
    url: str
    trials: int
    parameters: tuple[Parameter, ...]
    steps: int
    pruner: Pruner = "median"
    objectives: tuple[str, ...] = ("accuracy",)
    seed: int = 0


@dataclass(frozen=True)
class Row:
    """A place and what came of it. state: complete, pruned, diverged, failed, running, waiting.

    values: of the objectives, where complete. seconds: of all attempts that lived to say so.
    steps: the reported accuracies.
    """

    place: int
    state: str
    parameters: dict[str, float | int] = field(default_factory=dict)
    values: tuple[float, ...] | None = None
    seconds: float = 0.0
    attempts: int = 0
    steps: dict[int, float] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    error: str | None = None
    started: str | None = None
    finished: str | None = None

    @property
    def done(self) -> bool:
        """Whether nothing more is to be tried here."""
        return self.state in ("complete", "pruned", "diverged")
