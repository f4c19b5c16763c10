"""What is said of a trial while it runs: by its worker process, and by the pool of workers.

Plain data, so that reading them needs no torch.
"""

from __future__ import annotations

import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from bench.errors import BenchError, as_text, one_line
from bench.records.learning import mean_cross_entropy
from bench.records.parts import Failure
from bench.records.schema import FinishedRecord, RunRecord
from bench.study.model import Trial


@dataclass(frozen=True)
class Job:
    """A trial for a worker.

    found: the record of a finished trial whose search is the same, which is then not repeated.
    """

    trial: Trial
    found: FinishedRecord | None = None


@dataclass(frozen=True)
class Started:
    """A worker has turned to the trial."""


@dataclass(frozen=True)
class EpochDone:
    """Epoch `epoch` of `epochs` of a stage (search, evaluation) is finished, with its metrics.

    Epoch 0: the stage has begun.
    """

    stage: str
    epoch: int
    epochs: int
    metrics: Mapping[str, float] = field(default_factory=dict)

    @property
    def loss(self) -> float | None:
        """The cross-entropy (nats) of the epoch; None where there is none."""
        return mean_cross_entropy(self.metrics)


@dataclass(frozen=True)
class Done:
    """The trial's record, and the rows of its posterior table.

    There is one row per epoch, cell, edge and operation (`bench.columns.POSTERIOR`). warnings: what
    went wrong beside the trial, a line each.
    """

    record: RunRecord
    posterior: Sequence[Mapping[str, Any]] = ()
    warnings: Sequence[str] = ()


@dataclass(frozen=True)
class Raised:
    """Something failed before the trial could make its own record."""

    error: Failure


@dataclass(frozen=True)
class Died:
    """The worker's process has ended."""

    error: Failure


Outcome = Done | Raised | Died
Message = Started | EpochDone | Outcome


def now() -> str:
    """This moment, as records have it: ISO 8601, UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def describe_failure(stage: str, error: Exception) -> Failure:
    """An exception that ended a stage, as a record has it; without a traceback if it is ours."""
    trace = "" if isinstance(error, BenchError) else as_text(traceback.format_exc())
    return Failure(stage=stage, type=type(error).__name__, message=one_line(error), traceback=trace)
