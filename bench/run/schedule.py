"""Which trials run when, whoever runs them: a pool on this machine or elsewhere.

A pool is given jobs and yields messages; this process alone writes records.
"""

from __future__ import annotations

import contextlib
import heapq
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from bench.errors import ResultsError
from bench.records import schema
from bench.records.schema import FinishedRecord, RunRecord
from bench.records.store import Store
from bench.run.messages import (
    Done,
    EpochDone,
    Job,
    Message,
    Outcome,
    Returned,
    Started,
    Stopped,
    now,
)
from bench.run.progress import Progress
from bench.study.model import Trial

RUN_TRIAL = "bench.run.trial:run_trial"


class Pool(Protocol):
    """Workers that run jobs."""

    workers: int
    """Jobs at a time, at most."""
    where: str
    """What runs them, in words: "2 x cpu"."""

    @property
    def has_room(self) -> bool:
        """Whether a worker has nothing to do."""

    def submit(self, job: Job) -> None:
        """Give a worker a job."""

    def stop(self, name: str) -> None:
        """End a job, whose result nobody wants any more, when it next reports or at once."""

    def messages(self) -> Iterator[tuple[str, Message]]:
        """What is said of jobs, by name, as it comes, until no worker has anything to do.

        Every job that was submitted ends with one `Outcome`.
        """

    def forget(self, name: str) -> None:
        """Remove what would let a job go on; it is finished, and its result is kept."""

    def close(self) -> None:
        """End the workers now."""


class Schedule:
    """Trials that wait, each search once: who shares one waits for its record."""

    def __init__(
        self,
        trials: Sequence[Trial],
        finished: Sequence[FinishedRecord] = (),
        execute: str = RUN_TRIAL,
    ) -> None:
        """finished: records of trials that have ended before. execute: the function of the jobs,
        "module:function" with the signature of `bench.run.trial.run_trial`.
        """
        self._execute = execute
        self._trials = {trial.stem: trial for trial in trials}
        self._order = list(trials)
        self._searches = [trial.search_id for trial in trials]
        self._ready = list(range(len(trials)))  # a heap of places in the order
        self._blocked: dict[str, deque[int]] = {}  # places whose search is under way, by search
        self._left = Counter(self._searches)  # trials without a record, by search
        self._finished = {
            record.trial.search_id: record
            for record in finished
            if record.trial.search_id in self._left
        }
        self._under_way: set[str] = set()

    def take(self) -> Job | None:
        """The next trial that need not wait for a search which is under way."""
        while self._ready:
            place = heapq.heappop(self._ready)
            trial, search = self._order[place], self._searches[place]
            found = self._finished.get(search)
            if found is None and search in self._under_way:
                self._blocked.setdefault(search, deque()).append(place)
                continue
            if found is None:
                self._under_way.add(search)
            return Job(trial.stem, self._execute, {"trial": trial, "found": found})
        return None

    def trial_of(self, name: str) -> Trial:
        """The trial of a job."""
        return self._trials[name]

    def end(self, record: RunRecord) -> FinishedRecord | None:
        """A trial has left a record; returns the record whose search it took over, if it did."""
        search = record.trial.search_id
        self._under_way.discard(search)
        if isinstance(record, FinishedRecord):
            self._finished.setdefault(search, record)
        source = self._finished.get(search)
        blocked = self._blocked.get(search, deque())
        for _ in range(len(blocked) if source else min(1, len(blocked))):
            heapq.heappush(self._ready, blocked.popleft())
        self._left[search] -= 1
        if not self._left[search]:  # nobody else will take it over
            self._finished.pop(search, None)
        reused = record.search is not None and record.search.reused is not None
        return source if reused else None


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
        for name, message in pool.messages():
            trial = schedule.trial_of(name)
            match message:
                case Started():
                    started.setdefault(trial, now())
                    progress.started(trial, message.host)
                case EpochDone():
                    progress.advanced(trial, message)
                case _:
                    done = _complete(trial, message, started[trial])
                    _keep(store, done, schedule.end(done.record), progress)
                    if isinstance(done.record, FinishedRecord):
                        pool.forget(name)
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
    if isinstance(outcome, Returned):
        done: Done = outcome.value
        return done
    assert not isinstance(outcome, Stopped)  # nobody stops a trial
    from bench.run import environment  # it imports torch, for which not every verb has to wait

    provenance = environment.provenance(started, now())
    return Done(schema.build(trial, outcome.error, {}, None, provenance))
