"""Which trials run when, whoever runs them: a pool on this machine or elsewhere.

A pool is given trials and yields messages; this process alone writes records.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from bench.errors import ResultsError
from bench.records import schema
from bench.records.schema import FinishedRecord, RunRecord
from bench.records.store import Store
from bench.run.messages import Done, EpochDone, Job, Message, Outcome, Started, now
from bench.run.progress import Progress
from bench.study.model import Trial


class Pool(Protocol):
    """Workers that run trials."""

    @property
    def has_room(self) -> bool:
        """Whether a worker has nothing to do."""

    def submit(self, job: Job) -> None:
        """Give a worker a trial."""

    def messages(self) -> Iterator[tuple[Trial, Message]]:
        """What is said of trials, as it comes, until no worker has anything to do.

        Every trial that was submitted ends with one `Outcome`.
        """

    def forget(self, trial: Trial) -> None:
        """Remove what would let a trial go on; it is finished, and its record is written."""

    def close(self) -> None:
        """End the workers now."""


class Schedule:
    """Trials that wait, each search once: who shares one waits for its record."""

    def __init__(self, trials: Sequence[Trial], finished: Sequence[FinishedRecord] = ()) -> None:
        """finished: records of trials that have ended before."""
        self._waiting = list(trials)
        self._finished = {record.trial.search_id: record for record in finished}
        self._under_way: set[str] = set()

    def take(self) -> Job | None:
        """The next trial that need not wait for a search which is under way."""
        for place, trial in enumerate(self._waiting):
            found = self._finished.get(trial.search_id)
            if found is None and trial.search_id in self._under_way:
                continue
            del self._waiting[place]
            if found is None:
                self._under_way.add(trial.search_id)
            return Job(trial, found)
        return None

    def end(self, record: RunRecord) -> FinishedRecord | None:
        """A trial has left a record; returns the record whose search it took over, if it did."""
        search_id = record.trial.search_id
        self._under_way.discard(search_id)
        if isinstance(record, FinishedRecord):
            self._finished.setdefault(search_id, record)
        reused = record.search is not None and record.search.reused is not None
        return self._finished[search_id] if reused else None


def run_trials(
    schedule: Schedule,
    pool: Pool,
    store: Store,
    progress: Progress,
    on_record: Callable[[RunRecord], None] = lambda record: None,
) -> None:
    """Run every trial of the schedule and write its record; `on_record` is called after each.

    A trial that fails, or whose worker dies, leaves a record of its error and the others go on.
    Raises ResultsError where a record cannot be written there; that, and KeyboardInterrupt, end the
    workers at once.
    """
    started: dict[Trial, str] = {}
    with contextlib.closing(pool):
        _fill(pool, schedule)
        for trial, message in pool.messages():
            match message:
                case Started():
                    started[trial] = now()
                    progress.started(trial)
                case EpochDone():
                    progress.advanced(trial, message)
                case _:
                    done = _complete(trial, message, started[trial])
                    _keep(store, done, schedule.end(done.record), progress)
                    if isinstance(done.record, FinishedRecord):
                        pool.forget(trial)
                    progress.ended(trial, done.record)
                    on_record(done.record)
                    _fill(pool, schedule)


def _keep(store: Store, done: Done, source: FinishedRecord | None, progress: Progress) -> None:
    """Write a trial's files; whatever else cannot be written, its record is kept somewhere.

    source: the record whose search it took over, and with it the posterior table. Raises
    ResultsError, which says where, if that is not in the results.
    """
    for warning in done.warnings:
        progress.display.say(f"warning: {done.record.trial}: {warning}")
    try:
        posterior = done.posterior or (store.posterior(source.trial) if source else ())
        store.write(done.record, posterior)
        return
    except ResultsError as error:
        problem = error
    try:
        store.write_record(done.record)
    except ResultsError as error:
        saved = store.rescue(done.record)
        if saved is None:
            raise
        raise ResultsError(f"{error}; the record is kept in {saved}, move it there") from error
    progress.display.say(f"warning: {problem}; the record is kept without its posterior table")


def _fill(pool: Pool, schedule: Schedule) -> None:
    while pool.has_room and (job := schedule.take()) is not None:
        pool.submit(job)


def _complete(trial: Trial, outcome: Outcome, started: str) -> Done:
    """With a record, where the trial did not make its own."""
    if isinstance(outcome, Done):
        return outcome
    from bench.run import environment  # it imports torch, for which not every verb has to wait

    provenance = environment.provenance(started, now())
    return Done(schema.build(trial, outcome.error, {}, None, provenance))
