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
from bench.run.messages import Done, Job, Message, Raised, Returned, Started
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
        self.forgotten: list[str] = []
        self.closed = False

    @property
    def has_room(self) -> bool:
        return len(self.jobs) < 2

    def submit(self, job: Job) -> None:
        trial, record = job.arguments["trial"], job.arguments["found"]
        found = "" if record is None else f" with {record.trial.label}'s search"
        self.submitted.append(f"{trial.label}{trial.seed}{found}")
        self.jobs.append(job)

    def stop(self, name: str) -> None:
        raise NotImplementedError

    def messages(self) -> Iterator[tuple[str, Message]]:
        while self.jobs:
            job = self.jobs.pop()
            yield job.name, Started()
            yield job.name, self._outcome(job)

    def _outcome(self, job: Job) -> Message:
        trial, found = job.arguments["trial"], job.arguments["found"]
        if trial.label == self.failing:
            return Raised(Failure(stage="search", type="E", message="m", traceback=""))
        reused = {} if found is None else {"reused": {"trial": found.trial.id}}
        return Returned(Done(tiny_trials.record(trial, search=reused)))

    def forget(self, name: str) -> None:
        self.forgotten.append(name)

    def close(self) -> None:
        self.closed = True


def run_inline(study: Study, store: Store, failing: str = "") -> InlinePool:
    pool = InlinePool(failing)
    progress = Progress(9, 0, 2, list(study.trials), Display(io.StringIO()))
    run_trials(Schedule(study.trials), pool, store, progress)
    assert pool.closed and progress.time_left() == "done"
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
        def forget(self, name: str) -> None:
            assert any(t.stem == name and store.record_path(t).exists() for t in study.trials)
            super().forget(name)

    def run(pool: InlinePool) -> list[str]:
        progress = Progress(3, 0, 2, list(study.trials), Display(io.StringIO()))
        run_trials(Schedule(study.trials), pool, store, progress)
        return sorted(trial.label for trial in study.trials if trial.stem in pool.forgotten)

    assert run(Checked(failing="a")) == ["b", "c"]
    for trial in study.trials:
        store.record_path(trial).unlink()
        store.record_path(trial).mkdir()  # in the way
    pool = Checked()
    with pytest.raises(ResultsError, match="cannot write"):
        run(pool)
    assert not pool.forgotten


def test_what_a_trial_costs_the_driver_does_not_grow_with_the_study(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trials that wait for a search are not looked at again for each that ends meanwhile."""
    monkeypatch.syspath_prepend(str(studies.PLUGIN))
    sharing = [f"rate{i}: {{evaluation.learning_rate: {1 + i}}}" for i in range(20)]
    others = [f"other{i}: {{search.epochs: {10 + i}}}" for i in range(20)]
    ablations = ", ".join(sharing + others)
    changed = ["methods={a: {method: coin}}", "seeds=[0]", f"ablations={{{ablations}}}"]
    study = load(studies.write(tmp_path), changed)
    computed, search_id = [], Trial.search_id.func  # type: ignore[attr-defined]
    monkeypatch.setattr(
        Trial, "search_id", property(lambda t: (computed.append(t), search_id(t))[1])
    )
    submitted = run_inline(study, Store(tmp_path / "results")).submitted  # a's ends last
    assert submitted == [
        "a0",
        *(f"other{i}0" for i in range(20)),
        *(f"rate{i}0 with a's search" for i in range(20)),
    ]
    assert len(computed) <= 4 * len(study.trials)
