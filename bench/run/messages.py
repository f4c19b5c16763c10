"""What a pool of workers is given, and what it says of that while it is at work.

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
from bench.records.schema import RunRecord


@dataclass(frozen=True)
class Job:
    """A call for a worker: a trial, or a training of a tuning.

    name: no other job's, and fit for a file; its checkpoints are in a folder of this name.
    function: "module:function", called with the arguments (plain data, or what pickle takes) and
    device, data_root, folder (for checkpoints) and report, as `bench.run.trial.run_trial` is.
    """

    name: str
    function: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Started:
    """A worker has turned to the job; again, where the worker that had it was lost.

    host: the name of another machine, where it is on one. shared: whether that machine sees the
    folder of checkpoints.
    """

    host: str = ""
    shared: bool = True


@dataclass(frozen=True)
class EpochDone:
    """Epoch `epoch` of `epochs` of a stage is finished, with its metrics.

    Stages are search, retraining (of candidates, where the study asks for it) and evaluation. Epoch
    0: the stage has begun.
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
    """What a trial comes to: its record, and the rows of its posterior table.

    There is one row per epoch, cell, edge and operation (`bench.columns.POSTERIOR`). warnings: what
    went wrong beside the trial, a line each.
    """

    record: RunRecord
    posterior: Sequence[Mapping[str, Any]] = ()
    warnings: Sequence[str] = ()


@dataclass(frozen=True)
class Returned:
    """The job's function has returned this.

    files: what it wrote into the results, where that was on a machine that does not share them: by
    path in the results.
    """

    value: Any
    files: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class Raised:
    """The job's function has raised this."""

    error: Failure


@dataclass(frozen=True)
class Died:
    """The worker's process has ended."""

    error: Failure


@dataclass(frozen=True)
class Stopped:
    """The job was stopped because nobody wants its result any more."""


Outcome = Returned | Raised | Died | Stopped
Message = Started | EpochDone | Outcome


def now() -> str:
    """This moment, as records have it: ISO 8601, UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def describe_failure(stage: str, error: Exception) -> Failure:
    """An exception that ended a stage, as a record has it; without a traceback if it is ours."""
    trace = "" if isinstance(error, BenchError) else as_text(traceback.format_exc())
    return Failure(stage=stage, type=type(error).__name__, message=one_line(error), traceback=trace)
