"""Settings asked for, trained by a pool, and told: this process alone writes.

Whether a setting is pruned depends on what was reported of it and of others, in order, and not on
when its worker stops: what that says afterwards is ignored.
"""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.run.messages import EpochDone, Outcome, Returned, Started, Stopped
from bench.run.progress import Board, Item
from bench.run.schedule import Pool
from bench.tuning.groups import Work
from bench.tuning.optuna_study import Attempt, Row


@dataclass
class _Job:
    work: Work
    attempt: Attempt
    item: Item
    seconds: float = 0.0
    has_started: bool = False
    is_told: bool = False


class Driver:
    """Keeps a pool busy until every group has had its budget, or time is up."""

    def __init__(
        self,
        works: Sequence[Work],
        pool: Pool,
        board: Board,
        on_told: Callable[[], object] = lambda: None,
        timeout: float | None = None,
    ) -> None:
        """timeout: seconds from now, after which no further setting begins."""
        self._works, self._pool, self._board, self._on_told = works, pool, board, on_told
        self._until = float("inf") if timeout is None else time.monotonic() + timeout
        self._jobs: dict[str, _Job] = {}

    def run(self) -> None:
        """Whatever is raised, KeyboardInterrupt too, ends the workers at once."""
        with contextlib.closing(self._pool):
            self._fill()
            for name, message in self._pool.messages():
                job, row = self._jobs[name], None
                if isinstance(message, Outcome):
                    row = None if job.is_told else _take_in(job, message)
                    self._pool.forget(name)
                    del self._jobs[name]
                    self._fill()
                elif isinstance(message, Started) and not job.is_told:
                    job.has_started = True
                    self._board.started(job.item, message.host)
                    self._fill()
                elif isinstance(message, EpochDone) and not job.is_told:
                    self._board.advanced(job.item, message)
                    row = _judge(job, message)
                    if row is not None:
                        self._pool.stop(name)
                if row is not None:
                    job.is_told = True
                    failed, said = row["state"] == "failed", _say(job, row)
                    self._board.ended(job.item, said, failed, row["seconds"])
                    self._on_told()

    def _fill(self) -> None:
        while self._pool.has_room and self._may_ask() and time.monotonic() < self._until:
            job = self._take()
            if job is None:
                return
            description = job.work.make_job(job.attempt)
            self._jobs[description.name] = job
            self._pool.submit(description)

    def _may_ask(self) -> bool:
        """Whether few settings are in a cluster's queue: asked for later, they are better."""
        queued = sum(not job.has_started for job in self._jobs.values())
        is_short = queued < max(1, (len(self._jobs) - queued) // 2)
        return is_short or any(work.tuner.left for work in self._works)

    def _take(self) -> _Job | None:
        """What was left, else of the group with the fewest under way, so that TPE knows most."""
        busy = Counter(id(job.work) for job in self._jobs.values())
        for work in sorted(self._works, key=lambda work: (not work.tuner.left, busy[id(work)])):
            attempt = work.tuner.take()
            if attempt is not None:
                return _Job(work, attempt, work.name_setting(attempt.place))
        return None


def _judge(job: _Job, done: EpochDone) -> Row | None:
    """What came of a setting that is pruned now."""
    job.seconds = done.metrics.get("seconds", 0.0)
    tuner = job.work.tuner
    if done.epoch and tuner.report(job.attempt, done.epoch, done.metrics["accuracy"]):
        return tuner.prune(job.attempt, job.seconds)
    return None


def _take_in(job: _Job, outcome: Outcome) -> Row:
    if isinstance(outcome, Returned):
        return job.work.tuner.complete(job.attempt, outcome.value)
    assert not isinstance(outcome, Stopped)  # it would have been told before
    error = f"{outcome.error.type}: {outcome.error.message}"
    return job.work.tuner.fail(job.attempt, job.seconds, error)


def _say(job: _Job, row: Row) -> str:
    best = max(
        (other["values"][0] for other in job.work.tuner.rows() if other["values"]), default=0
    )
    if row["values"]:
        return f"validation accuracy {row['values'][0]:.4f} (best {best:.4f})"
    if row["state"] == "pruned":
        return f"pruned after {len(row['steps'])} of {job.work.tuner.steps} epochs"
    return f"{row['state']}: {row['error']}"
