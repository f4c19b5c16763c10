"""Which trials run and which wait for the search of another, with a pool of its own."""

from __future__ import annotations

import io
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import studies, tiny_trials

from bench.errors import ResultsError
from bench.records.parts import Failure
from bench.records.store import Store
from bench.run.display import Display
from bench.run.messages import Done, Job, Message, Raised, Started
from bench.run.progress import Progress
from bench.run.schedule import Schedule, run_trials
from bench.study.file import load
from bench.study.model import Study, Trial


class InlinePool:
    """Another engine: at most two jobs at a time, each run in this process, the last one first."""

    def __init__(self, failing: str = "") -> None:
        """failing: the label of trials that raise."""
        self.failing = failing
        self.jobs: deque[Job] = deque()
        self.submitted: list[str] = []
        self.forgotten: list[Trial] = []
        self.closed = False

    @property
    def has_room(self) -> bool:
        return len(self.jobs) < 2

    def submit(self, job: Job) -> None:
        found = "" if job.found is None else f" with {job.found.trial.label}'s search"
        self.submitted.append(f"{job.trial.label}{job.trial.seed}{found}")
        self.jobs.append(job)

    def messages(self) -> Iterator[tuple[Trial, Message]]:
        while self.jobs:
            job = self.jobs.pop()
            yield job.trial, Started()
            yield job.trial, self._outcome(job)

    def _outcome(self, job: Job) -> Message:
        if job.trial.label == self.failing:
            return Raised(Failure(stage="search", type="E", message="m", traceback=""))
        reused = {} if job.found is None else {"reused": {"trial": job.found.trial.id}}
        return Done(tiny_trials.record(job.trial, search=reused))

    def forget(self, trial: Trial) -> None:
        self.forgotten.append(trial)

    def close(self) -> None:
        self.closed = True


def run_inline(study: Study, store: Store, failing: str = "") -> InlinePool:
    pool = InlinePool(failing)
    progress = Progress(9, 0, 2, list(study.trials), Display(io.StringIO()))
    run_trials(Schedule(study.trials), pool, store, progress)
    assert pool.closed and not progress.waiting
    return pool


def test_trials_that_share_a_search_wait_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(studies.PLUGIN))
    rates = "{evaluation.learning_rate: 0.1}, other: {search.epochs: 9}"
    study = load(
        studies.write(tmp_path),
        ["methods={a: {method: coin}}", "seeds=[0]", f"ablations={{rate: {rates}}}"],
    )
    store = Store(tmp_path / "results")
    assert run_inline(study, store).submitted == ["a0", "other0", "rate0 with a's search"]
    states = [store.standing(study.trials).state_of(trial) for trial in study.trials]
    assert states == ["finished"] * 3


def test_after_a_failed_search_the_next_that_needs_it_searches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(studies.PLUGIN))
    rates = "{evaluation.learning_rate: 0.1}, cut: {evaluation.cutout: 3}"
    changed = ["methods={a: {method: coin}}", "seeds=[0]", f"ablations={{rate: {rates}}}"]
    study, store = load(studies.write(tmp_path), changed), Store(tmp_path / "results")
    pool = run_inline(study, store, failing="a")
    assert pool.submitted == ["a0", "rate0", "cut0 with rate's search"]


def test_a_trial_can_go_on_until_its_record_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that failed keeps what it has; so does one whose record cannot be written."""
    monkeypatch.syspath_prepend(str(studies.PLUGIN))
    study, store = load(studies.write(tmp_path)), Store(tmp_path / "results")

    class Checked(InlinePool):
        def forget(self, trial: Trial) -> None:
            assert store.record_path(trial).exists()
            super().forget(trial)

    def run(pool: InlinePool) -> list[str]:
        progress = Progress(3, 0, 2, list(study.trials), Display(io.StringIO()))
        run_trials(Schedule(study.trials), pool, store, progress)
        return sorted(trial.label for trial in pool.forgotten)

    assert run(Checked(failing="a")) == ["b", "c"]
    for trial in study.trials:
        store.record_path(trial).unlink()
        store.record_path(trial).mkdir()  # in the way
    pool = Checked()
    with pytest.raises(ResultsError, match="cannot write"):
        run(pool)
    assert not pool.forgotten
