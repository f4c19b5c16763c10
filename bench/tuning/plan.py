"""What a tuning is, apart from the tool that does it: the plan, its places, and what came out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from bench.errors import BenchError
from bench.tuning.space import Parameter, Values

Pruner = Literal["hyperband", "median", "none"]
Report = Callable[[int, float], None]
"""(step from 1, accuracy so far); does not return where the trial is pruned."""


class TuningError(BenchError):
    """The storage cannot be reached, or refuses."""


class Diverged(Exception):
    """The objective's training broke down: a result, of the worst kind, and no mistake."""


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
