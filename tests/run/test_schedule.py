"""Which trials run together and which wait, with real worker processes and with another pool."""

from __future__ import annotations

import io
import json
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from support import studies, tiny_trials
from support.running import run_all

from bench.records.parts import Failure
from bench.records.schema import FinishedRecord, RunRecord
from bench.records.store import Store
from bench.run.messages import Died, Done, Job, Message, Raised, Started
from bench.run.progress import Progress
from bench.run.schedule import Schedule, group_trials, run_trials
from bench.run.trial import run_trial, search_together
from bench.study.file import load
from bench.study.model import Study, Trial

COINS = """\
name: small
description: coins
methods: {a: {method: coin}, b: {method: coin, tosses: 2}}
datasets: [digits]
seeds: [0, 1, 2]
search: {epochs: 2}
"""


@pytest.fixture
def coins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    monkeypatch.syspath_prepend(str(studies.PLUGIN))
    monkeypatch.setenv("TINY_GROUPS", str(tmp_path / "groups"))
    return load(studies.write(tmp_path, COINS))


def run_groups(study: Study, folder: Path, batch_seeds: int) -> tuple[Store, list[str]]:
    store = Store(folder / "results")
    execute = "support.tiny_groups:run"
    _, said = run_all(study.trials, store, execute=execute, batch_seeds=batch_seeds)
    return store, said


def test_groups_differ_in_the_seed_alone(coins: Study) -> None:
    def names(batch_seeds: int) -> list[str]:
        groups = group_trials(coins.trials, batch_seeds)
        return [f"{group[0].label}{''.join(str(t.seed) for t in group)}" for group in groups]

    assert names(1) == ["a0", "b0", "a1", "b1", "a2", "b2"]
    assert names(2) == ["a01", "b01", "a2", "b2"]
    assert names(9) == ["a012", "b012"]


def test_a_group_is_searched_together_and_every_trial_has_its_record(
    coins: Study, tmp_path: Path
) -> None:
    store, said = run_groups(coins, tmp_path, 2)
    assert len(store.standing(coins.trials).finished) == 6
    assert (tmp_path / "groups").read_text() == "a: 0 1\nb: 0 1\n"
    assert len(said) == 6


def test_why_a_group_is_not_searched_together_is_said_in_a_line(
    coins: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TINY_TOGETHER", "no such thing")
    store, said = run_groups(coins, tmp_path, 3)
    assert len(store.standing(coins.trials).finished) == 6
    assert said[0] == "a on digits, seeds 0, 1, 2: searched one after another: no such thing"
    assert len(said) == 8


def test_a_worker_that_dies_costs_one_trial_of_its_group(
    coins: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TINY_TOGETHER", "kill")
    store, _ = run_groups(coins, tmp_path, 3)
    standing = store.standing(coins.trials)
    assert [record.error.type for record in standing.failed] == ["WorkerDied"] * 2
    assert [record.error.stage for record in standing.failed] == ["search"] * 2
    assert len(standing.finished) == 4 and not standing.missing


def test_a_trial_that_kills_its_worker_costs_that_trial_alone(
    coins: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TINY_TRIALS", json.dumps({"a": "kill"}))
    store, _ = run_groups(coins, tmp_path, 3)
    standing = store.standing(coins.trials)
    assert {record.trial.label for record in standing.failed} == {"a"}
    assert len(standing.failed) == 3 and len(standing.finished) == 3


class InlinePool:
    """Another engine: at most two jobs at a time, each run in this process, the last one first.

    A worker dies at the first trial of every group of several.
    """

    def __init__(self, failing: str = "") -> None:
        """failing: the label of trials that raise."""
        self.failing = failing
        self.jobs: deque[Job] = deque()
        self.submitted: list[str] = []
        self.closed = False

    @property
    def has_room(self) -> bool:
        return len(self.jobs) < 2

    def submit(self, job: Job) -> None:
        found = "" if job.found is None else f" with {job.found.trial.label}'s search"
        self.submitted.append(" ".join(f"{t.label}{t.seed}" for t in job.trials) + found)
        self.jobs.append(job)

    def messages(self) -> Iterator[tuple[Trial, Message]]:
        while self.jobs:
            job = self.jobs.pop()
            trial, *rest = job.trials
            yield trial, Started()
            yield trial, self._outcome(job, trial, rest)

    def _outcome(self, job: Job, trial: Trial, rest: list[Trial]) -> Message:
        failure = Failure(stage="search", type="E", message="m", traceback="")
        if rest:
            return Died(failure, rest)
        if trial.label == self.failing:
            return Raised(failure)
        reused = {} if job.found is None else {"reused": {"trial": job.found.trial.id}}
        return Done(tiny_trials.record(trial, search=reused))

    def close(self) -> None:
        self.closed = True


def run_inline(study: Study, store: Store, batch_seeds: int = 1, failing: str = "") -> InlinePool:
    pool, progress = InlinePool(failing), Progress(9, 0, 2, list(study.trials), io.StringIO())
    run_trials(Schedule(group_trials(study.trials, batch_seeds)), pool, store, progress)
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


def test_what_a_dead_worker_left_of_a_group_runs_next_and_one_by_one(
    coins: Study, tmp_path: Path
) -> None:
    store = Store(tmp_path / "results")
    pool = run_inline(coins, store, batch_seeds=3)
    assert pool.submitted == ["a0 a1 a2", "b0 b1 b2", "b1", "b2", "a1", "a2"]
    standing = store.standing(coins.trials)
    assert [f"{r.trial.label}{r.trial.seed}" for r in standing.failed] == ["a0", "b0"]
    assert len(standing.finished) == 4 and not standing.missing


SMALL = """\
name: real
description: two seeds on digits, as small as it gets
methods: {darts: {}, second: {method: darts, order: 2}, random: {}}
datasets: [digits]
seeds: [0, 1]
data: {train_limit: 48, test_limit: 32, validation_fraction: 0.4}
space: {operations: [none, max_pool_3x3, sep_conv_3x3], nodes: 1, cells: 1, channels: 2}
search: {epochs: 2, batch_size: 8}
evaluation: {epochs: 1, batch_size: 16, cells: 1, channels: 2, auxiliary_weight: 0}
"""


def records(study: Study, label: str, folder: Path, together: bool) -> list[RunRecord]:
    """Of a label's trials, run one after another or searched together first."""
    where: dict[str, Any] = {"device": torch.device("cpu"), "data_root": None}
    trials = [trial for trial in study.trials if trial.label == label]
    if together:
        why = search_together(trials, folder=folder, **where)
        assert (why is None) == (label != "second"), why
    return [run_trial(t, folder=folder / t.stem, **where).record for t in trials]


@pytest.mark.parametrize("label", ["darts", "second", "random"])
def test_records_are_those_of_trials_run_alone(label: str, tmp_path: Path) -> None:
    study = load(studies.write(tmp_path, SMALL))
    alone = records(study, label, tmp_path / "alone", together=False)
    together = records(study, label, tmp_path / "together", together=True)
    for one, other in zip(together, alone, strict=True):
        assert isinstance(one, FinishedRecord), one.error
        assert isinstance(other, FinishedRecord), other.error
        assert one.trial == other.trial
        assert one.genotype == other.genotype
        assert one.search.batched_seeds == (2 if label == "darts" else 1)
        assert one.search.steps == other.search.steps
        for mine, theirs in zip(one.search.epochs, other.search.epochs, strict=True):
            assert mine.terms == pytest.approx(theirs.terms, rel=1e-3)
    assert not [path for path in (tmp_path / "together").rglob("*") if path.is_file()]
