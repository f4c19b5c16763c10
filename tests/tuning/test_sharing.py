"""Tuning with Optuna: places are neither lost nor tried twice, whoever works on them, and dies."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from support import quick
from support.quick import check_complete, start

from bench.tuning.optuna_study import Tuner
from bench.tuning.plan import Outcome, Row, TuningError
from bench.tuning.space import Values


def lasting(rows: list[Row]) -> list[tuple[object, ...]]:
    """What does not depend on the clock."""
    return [(r.place, r.state, r.parameters, r.values, r.steps, r.error) for r in rows]


@pytest.mark.parametrize("scheme", ["sqlite:///", "journal:"])
def test_two_processes_share_the_work_and_repeat_none(scheme: str, tmp_path: Path) -> None:
    url = f"{scheme}{tmp_path / 'shared'}"
    workers = [start(url) for _ in range(2)]
    outputs = [worker.communicate()[0].split() for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0]
    tuner = Tuner(quick.plan(url))
    check_complete(tuner)
    assert sum(int(output[-1]) for output in outputs) == tuner.plan.trials
    assert sum(output.count("trying") for output in outputs) == tuner.plan.trials


@pytest.mark.parametrize("scheme", ["sqlite:///", "journal:"])
def test_a_killed_process_does_not_stop_the_other(scheme: str, tmp_path: Path) -> None:
    """Killed in the middle of a setting, which the other one tries again with the same values."""
    url = f"{scheme}{tmp_path / 'shared'}"
    killed = start(url, HANG="1")
    assert killed.stdout is not None and killed.stdout.readline() == "trying\n"
    tuner = Tuner(quick.plan(url))
    (begun,) = [row for row in tuner.rows() if row.state == "running"]
    other = start(url)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    output = other.communicate()[0].split()
    assert other.returncode == 0
    check_complete(tuner)
    assert int(output[-1]) == tuner.plan.trials
    again = tuner.rows()[begun.place]
    assert (again.attempts, again.parameters) == (2, begun.parameters)


@pytest.mark.parametrize("pruner", ["median", "hyperband"])
def test_one_process_is_deterministic_interrupted_or_not(pruner: str, tmp_path: Path) -> None:
    """The default first; Ctrl-C in the sixth setting; a crash of the third is tried again."""

    def plan(name: str) -> object:
        return quick.plan(f"sqlite:///{tmp_path / name}", pruner=pruner)

    unbroken = Tuner(plan("unbroken"))  # type: ignore[arg-type]
    assert quick.tune(unbroken) == 12
    broken = Tuner(plan("broken"))  # type: ignore[arg-type]
    calls = 0

    def interrupted(values: Values, report: object) -> Outcome:
        nonlocal calls
        calls += 1
        if calls == 6:
            raise KeyboardInterrupt
        return quick.objective(values, report)  # type: ignore[arg-type]

    with pytest.raises(KeyboardInterrupt):
        quick.tune(broken, interrupted)
    assert sum(row.done for row in broken.rows()) == 5
    resumed = Tuner(plan("broken"))  # type: ignore[arg-type]
    assert quick.tune(resumed) == 7
    assert lasting(resumed.rows()) == lasting(unbroken.rows())
    first = unbroken.rows()[0]
    assert first.parameters == {p.name: p.default for p in quick.SPACE}
    assert {row.state for row in unbroken.rows()} >= {"complete", "pruned", "diverged"}


def test_a_mistake_fails_its_place_and_another_process_may_try_it(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'shared'}"
    tuner = Tuner(quick.plan(url, trials=2))

    def broken(values: Values, report: object) -> Outcome:
        raise ValueError("out of\nmemory")

    while (place := tuner.find_free_place()) is not None:
        tuner.attempt(place, broken)
    assert [(r.state, r.error) for r in tuner.rows()] == [
        ("failed", "ValueError: out of memory")
    ] * 2
    again = Tuner(quick.plan(url, trials=2))
    quick.tune(again)
    assert [row.attempts for row in again.rows()] == [2, 2]


def test_more_trials_go_on_where_fewer_ended(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'shared'}"
    few, more = Tuner(quick.plan(url, trials=3)), Tuner(quick.plan(url, trials=6))
    quick.tune(few)
    before = lasting(few.rows())
    assert quick.tune(more) == 3
    assert lasting(more.rows())[:3] == before


def test_two_objectives(tmp_path: Path) -> None:
    tuner = Tuner(
        quick.plan(f"journal:{tmp_path / 'log'}", objectives=("accuracy", "nonzero"), trials=4)
    )
    quick.tune(tuner, quick.two)
    for row in tuner.rows():
        assert row.values == quick.two(row.parameters, lambda step, value: None).values


def test_importances_find_what_matters(tmp_path: Path) -> None:
    tuner = Tuner(quick.plan(f"journal:{tmp_path / 'log'}", trials=16, pruner="none"))
    quick.tune(tuner)
    shares = tuner.importances()
    assert abs(sum(shares.values()) - 1) < 1e-9
    assert shares["batch_size"] < min(shares["learning_rate"], shares["drop_path"])


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
        Tuner(quick.plan(url))
    assert said in str(caught.value) and "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)
