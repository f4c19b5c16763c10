"""One writer asks and tells Optuna, whoever trains: nothing lost, nothing twice, the same again."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support import quick
from support.quick import InlinePool, QuickWork, lasting, tune

from bench.errors import BenchError
from bench.run.messages import Message
from bench.tuning.optuna_study import Tuner, TuningError
from bench.tuning.plan import DONE, Settings

SEED = 1
"""With it settings are complete, pruned and diverged."""


def make(folder: Path, file: str = "optuna", **settings: Any) -> QuickWork:
    """In a file, which another object may open."""
    return QuickWork(f"sqlite:///{folder / file}.db", **settings)


def make_alone(**settings: Any) -> QuickWork:
    """In memory."""
    return QuickWork("sqlite://", **settings)


@pytest.mark.parametrize("pruner", ["median", "hyperband"])
def test_one_worker_is_deterministic_interrupted_or_not(pruner: str, tmp_path: Path) -> None:
    """Ctrl-C after every few messages: each setting keeps its number, values and verdict."""
    unbroken = make_alone(pruner=pruner, seed=SEED)
    tune(unbroken)
    for until in (9, 8, 11, 13, 10**9):
        broken = make(tmp_path, pruner=pruner, seed=SEED)
        with contextlib.suppress(KeyboardInterrupt):
            tune(broken, pool=InlinePool(until=until))
    rows = unbroken.tuner.rows()
    assert lasting(broken.tuner.rows()) == lasting(rows)
    assert {row["state"] for row in rows} == {"complete", "pruned", "diverged"}
    assert rows[0]["parameters"] == {p.name: p.default for p in quick.SPACE}
    assert len(broken.tuner.study.trials) == 10


@pytest.mark.parametrize("number", [2, 8])
def test_a_driver_that_dies_between_two_parameters_draws_the_same_ones(
    number: int, tmp_path: Path
) -> None:
    """At random, and by TPE."""
    whole = make_alone(trials=number + 1, pruner="none")
    tune(whole)
    tune(make(tmp_path, trials=number, pruner="none"))
    trial = make(tmp_path, trials=number + 1, pruner="none").tuner.study.ask()
    first = quick.SPACE[0]
    trial.suggest_float(first.name, first.low, first.high, log=True)
    again = make(tmp_path, trials=number + 1, pruner="none")
    tune(again)
    assert lasting(again.tuner.rows()) == lasting(whole.tuner.rows())


def test_the_same_order_of_results_gives_the_same_settings() -> None:
    """With three workers; another order changes what TPE draws, but not the first six settings."""
    rows = []
    for seed in (1, 1, 2):
        work = make_alone(trials=14, pruner="none")
        tune(work, pool=InlinePool(3, random.Random(seed)))
        rows.append(lasting(work.tuner.rows()))
    alone = make_alone(trials=6, pruner="none")
    tune(alone)
    assert rows[0] == rows[1] != rows[2]
    assert rows[0][:6] == rows[2][:6] == lasting(alone.tuner.rows())


def test_several_workers_interrupted_lose_nothing(tmp_path: Path) -> None:
    work = make(tmp_path)
    submitted: dict[str, str] = {}
    for until in (5, 9, 14, 10**9):
        pool = InlinePool(3, random.Random(until), until)
        try:
            tune(work, pool=pool)
        except KeyboardInterrupt:
            work = make(tmp_path)
        for job in pool.submitted:  # a cluster knows a job again, which another driver gave it
            assert submitted.setdefault(job.name, repr(job)) == repr(job)
    trials = work.tuner.study.trials
    assert [trial.number for trial in trials] == list(range(10))
    assert {trial.state.name for trial in trials} <= {"COMPLETE", "PRUNED"}
    assert all(row["state"] in DONE and row["attempts"] == 1 for row in work.tuner.rows())
    assert set(submitted) == {f"tune-quick-{number}" for number in range(10)}


def test_a_pruned_setting_is_stopped_and_what_it_says_later_is_ignored() -> None:
    work, pool = make_alone(seed=SEED), InlinePool()
    lines = tune(work, pool=pool).splitlines()
    pruned = [row for row in work.tuner.rows() if row["state"] == "pruned"]
    assert pruned and len(pool.stopped) == len(pruned)
    for row in pruned:
        assert 0 < len(row["steps"]) < quick.STEPS and row["seconds"] == len(row["steps"])
    assert sorted(pool.forgotten) == sorted(job.name for job in pool.submitted)
    assert len(lines) == 10 and sum("pruned after" in line for line in lines) == len(pruned)
    assert lines[0].startswith(
        "[1/100] quick, setting 0: validation accuracy 0.8875 (best 0.8875), "
    )


@pytest.mark.parametrize("deed", ["raise", "die"])
def test_a_mistake_fails_a_setting_and_the_next_command_tries_it_again(
    deed: str, tmp_path: Path
) -> None:
    work = make(tmp_path, trials=4, pruner="none", seed=4)
    lines = tune(work, pool=InlinePool(deeds={1: deed, 3: deed})).splitlines()
    failed = work.tuner.rows()
    states = ["complete", "failed", "complete", "failed"]
    assert [row["state"] for row in failed] == states
    assert "setting 1: failed: ValueError: out of memory" in lines[1]
    again = make(tmp_path, trials=6, pruner="none", seed=4)
    pool = InlinePool()
    tune(again, pool=pool)
    rows = again.tuner.rows()
    assert [row["attempts"] for row in rows] == [1, 2, 1, 2, 1, 1]
    assert all(row["state"] in DONE for row in rows[4:]) and len(pool.submitted) == 4
    tried = [(row["state"], row["error"], row["seconds"]) for row in rows[:4]]
    assert tried == [("complete", None, 4.0), ("complete", None, 5.0)] * 2
    assert [row["parameters"] for row in rows[:4]] == [row["parameters"] for row in failed]


def test_more_settings_go_on_where_fewer_ended(tmp_path: Path) -> None:
    few = make(tmp_path, trials=3)
    tune(few)
    more, pool = make(tmp_path, trials=6), InlinePool()
    tune(more, pool=pool)
    assert lasting(more.tuner.rows())[:3] == lasting(few.tuner.rows())
    assert len(pool.submitted) == 3
    at_once = make_alone(trials=6)
    tune(at_once)
    assert lasting(at_once.tuner.rows()) == lasting(more.tuner.rows())


def test_groups_share_a_pool_and_each_has_the_fewest_under_way() -> None:
    works = [make_alone(name=name, trials=8, pruner="none") for name in ("a", "b")]
    pool = InlinePool(2)
    tune(*works, pool=pool)
    assert {name.split("-")[1] for name in pool.most} == {"a", "b"}
    assert all(row["state"] in DONE for work in works for row in work.tuner.rows())


def test_few_settings_wait_in_the_queue_of_a_cluster() -> None:
    """Which takes any number of jobs, but has two processors."""

    class Queue(InlinePool):
        def messages(self) -> Iterator[tuple[str, Message]]:
            while self._saying:
                name = list(self._saying)[:2][self.draw.randrange(min(2, len(self._saying)))]
                message = self._saying[name].pop(0)
                if not self._saying[name]:
                    del self._saying[name]
                yield name, message
                longest.append(len(self._saying) - 2)

    longest: list[int] = []
    work = make_alone(pruner="none")
    tune(work, pool=Queue(64))
    assert max(longest) == 1 and all(row["state"] in DONE for row in work.tuner.rows())


def test_after_the_timeout_no_setting_begins() -> None:
    work, pool = make_alone(), InlinePool()
    tune(work, pool=pool, timeout=-1.0)
    assert not pool.submitted and work.tuner.rows()[0]["state"] == "waiting"


def test_reports_that_nobody_heard_are_kept() -> None:
    """As of a job that a cluster finished while there was no driver."""

    class Silent(InlinePool):
        def submit(self, job: Any) -> None:
            super().submit(job)
            del self._saying[job.name][1:-1]

    work = make_alone(trials=2, seed=4)
    tune(work, pool=Silent())
    for row in work.tuner.rows():
        assert [step for step, _ in row["steps"]] == [1, 2, 3, 4] and row["seconds"] == 4.0


def test_two_objectives() -> None:
    work = make_alone(objectives=("accuracy", "nonzero"), trials=8, seed=SEED)
    tune(work)
    rows = work.tuner.rows()
    for row in rows:
        if row["state"] == "diverged":
            continue
        values = row["parameters"]
        assert row["values"] == [quick.accuracy(values), 1000.0 * (1 - values["drop_path"])]
    assert {row["state"] for row in rows} == {"complete", "diverged"}


def test_importances_find_what_matters() -> None:
    work = make_alone(trials=16, pruner="none")
    tune(work)
    shares = work.tuner.importances()
    assert abs(sum(shares.values()) - 1) < 1e-9
    assert shares["batch_size"] < min(shares["learning_rate"], shares["drop_path"])


def test_a_second_driver_of_the_same_storage_is_refused_while_the_first_lives(
    tmp_path: Path,
) -> None:
    """It may be in another folder, on another machine; after the first one has ended it may."""
    first, second = make(tmp_path), make(tmp_path)
    lease = first.tuner.begin("one:/results")
    with pytest.raises(BenchError, match=r"^quick: one:/results is at work on it and was alive"):
        second.tuner.begin("two:/results")
    make(tmp_path).tuner.begin("one:/results")  # the same folder, whose lock it has
    with pytest.raises(BenchError, match="has taken it over"):
        first.tuner.take()
    with pytest.raises(BenchError, match="has taken it over"):
        lease.release()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("nonsense", "Could not parse"),
        ("sqlite:////proc/none/x.db", "/proc"),
        ("postgresql+psycopg://me:secret@127.0.0.1:1/x", "refused"),
    ],
)
def test_a_storage_that_cannot_be_had_is_one_line(url: str, said: str) -> None:
    if url.startswith("postgresql"):
        pytest.importorskip("psycopg")
    with pytest.raises(TuningError) as caught:
        Tuner("quick", url, quick.SPACE, quick.STEPS, Settings())
    assert said in str(caught.value) and "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)
