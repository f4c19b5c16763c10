"""The runner with real worker processes: failures, deaths, Ctrl-C, SIGKILL. Trials are tiny."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import studies
from support.running import run_all

from bench.records.store import Store
from bench.study.file import load

WITHIN = 60  # seconds: a hang is a failure; nothing here waits that long otherwise
DRIVE = "support.drive"


def test_failures_and_deaths_are_recorded_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(studies.PLUGIN))
    does = {"a": "raise", "b": "kill", "c": "exit"}
    monkeypatch.setenv("TINY_TRIALS", json.dumps(does))
    labels = "{a: {method: coin}, b: {method: coin}, c: {method: coin}, d: {method: coin}}"
    study = load(studies.write(tmp_path), [f"methods={labels}"])
    store = Store(tmp_path / "results")
    records, lines = run_all(study.trials, store, workers=2)
    assert sorted(r.trial.id for r in records) == sorted(trial.id for trial in study.trials)
    standing = store.standing(study.trials)
    assert [record.trial.label for record in standing.finished] == ["d"]
    assert not standing.missing
    errors = {record.trial.label: record.error for record in standing.failed}
    assert errors["a"].type == "FloatingPointError"
    assert errors["a"].message == "the loss is nan in epoch 2"
    assert "tiny_trials.py" in errors["a"].traceback
    assert errors["b"].type == errors["c"].type == "WorkerDied"
    assert errors["b"].message == "the worker process was ended by SIGKILL (out of memory?)"
    assert errors["c"].message == "the worker process ended with exit status 3"
    assert {error.stage for error in errors.values()} == {"search"}
    assert len(lines) == 4 and all(line.startswith(f"[{i}/4]") for i, line in enumerate(lines, 1))
    assert any("d on digits, seed 0: test accuracy 0.9" in line for line in lines)
    assert lines[-1].endswith("; done")


def test_a_trial_function_that_does_not_exist_fails_its_trials(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(studies.PLUGIN))
    study = load(studies.write(tmp_path))
    store = Store(tmp_path / "results")
    run_all(study.trials, store, execute="no_such_module:run")
    failed = store.standing(study.trials).failed
    assert [record.error.type for record in failed] == ["ModuleNotFoundError"] * 3


class Fifo:
    """Process ids of hanging trials, and the moment when all those processes have ended."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self.path = path
        self._file = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        self._text = b""

    def read_ids(self, count: int) -> list[int]:
        """The ids of `count` trials, as soon as they run."""
        while self._text.count(b"\n") < count:
            ready, _, _ = select.select([self._file], [], [], WITHIN)
            assert ready, "the trials did not start"
            self._text += os.read(self._file, 100)
        return [int(line) for line in self._text.split()]

    def all_ended(self) -> bool:
        ready, _, _ = select.select([self._file], [], [], WITHIN)
        return bool(ready) and os.read(self._file, 1) == b""

    def close(self) -> None:
        os.close(self._file)


@pytest.fixture
def fifo(tmp_path: Path) -> Iterator[Fifo]:
    made = Fifo(tmp_path / "fifo")
    yield made
    made.close()


def bench(folder: Path, fifo: Fifo, **does: str) -> subprocess.Popen[str]:
    """`bench run` of the small study in a process group of its own."""
    file = folder / "small.yaml"
    study = studies.write(folder) if not file.exists() else str(file)
    command = [sys.executable, "-m", DRIVE, "run", study, "--results", str(folder / "results")]
    return subprocess.Popen(
        [*command, "--workers", "2", "--device", "cpu"],
        env=studies.environment(TINY_TRIALS=json.dumps(does), TINY_FIFO=str(fifo.path)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def contents(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Bytes and time of modification of every file, by path."""
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no /proc")
def test_no_worker_sees_ctrl_c(tmp_path: Path, fifo: Fifo) -> None:
    """The first neither, whose start starts multiprocessing's resource tracker."""
    run = bench(tmp_path, fifo, a="hang", b="hang")
    statuses = [Path(f"/proc/{pid}/status").read_text() for pid in fifo.read_ids(2)]
    os.killpg(run.pid, signal.SIGKILL)
    run.communicate(timeout=WITHIN)
    for status in statuses:
        blocked = int(status.partition("SigBlk:")[2].split()[0], 16)
        assert blocked >> (signal.SIGINT - 1) & 1


@pytest.mark.slow
def test_ctrl_c_ends_within_seconds_with_one_line_and_the_run_can_go_on(
    tmp_path: Path, fifo: Fifo
) -> None:
    first = bench(tmp_path, fifo, b="hang", c="hang")
    fifo.read_ids(2)
    os.killpg(first.pid, signal.SIGINT)
    _, said = first.communicate(timeout=WITHIN)
    assert first.returncode == 130
    assert said.splitlines()[-1] == (
        "interrupted: 1 of 3 trials finished; run the same command to continue"
    )
    assert "Traceback" not in said
    assert fifo.all_ended()
    records = tmp_path / "results" / "small" / "records"
    before = contents(records)
    assert len(before) == 2  # the record of a and its posterior table

    second = bench(tmp_path, fifo)
    out, said = second.communicate(timeout=2 * WITHIN)
    assert second.returncode == 0, said
    assert "2 of 3 trials to run" in said
    after = contents(records)
    assert len(after) == 6 and before.items() <= after.items()
    for label in "abc":
        assert f" {label} " in out


@pytest.mark.slow
def test_sigkill_ends_the_workers_too_and_damages_nothing(tmp_path: Path, fifo: Fifo) -> None:
    first = bench(tmp_path, fifo, b="hang", c="hang")
    workers = fifo.read_ids(2)
    assert first.pid not in workers
    first.kill()
    assert fifo.all_ended()
    first.communicate(timeout=WITHIN)
    records = tmp_path / "results" / "small" / "records"
    before = contents(records)

    second = bench(tmp_path, fifo, c="raise")
    _, said = second.communicate(timeout=2 * WITHIN)
    assert second.returncode == 1, said
    third = bench(tmp_path, fifo)
    _, said = third.communicate(timeout=2 * WITHIN)
    assert third.returncode == 0 and "1 of 3 trials to run" in said, said
    assert before.items() <= contents(records).items()

    finished = contents(tmp_path / "results")
    left = tmp_path / "results" / "small" / "checkpoints" / next(records.glob("*.json")).stem
    left.mkdir(parents=True)  # by a run that was killed just as it had written the record
    fourth = bench(tmp_path, fifo, a="raise", b="raise", c="raise")
    _, said = fourth.communicate(timeout=2 * WITHIN)
    assert fourth.returncode == 0 and said == ""
    again = contents(tmp_path / "results")
    assert {name: text for name, (text, _) in again.items()} == {
        name: text for name, (text, _) in finished.items()
    }
    assert not left.exists()


@pytest.mark.slow
def test_a_second_run_beside_the_first_is_refused(tmp_path: Path, fifo: Fifo) -> None:
    first = bench(tmp_path, fifo, a="hang", b="hang")
    fifo.read_ids(2)
    second = bench(tmp_path, fifo)
    _, said = second.communicate(timeout=WITHIN)
    assert second.returncode == 2
    assert said.count("\n") == 1 and f"(process {first.pid})" in said
    first.kill()
    first.communicate()
    assert fifo.all_ended()


def test_a_search_that_variations_share_is_done_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even with a worker free for each; the records say whose it was, the tables are the same."""
    monkeypatch.syspath_prepend(str(studies.PLUGIN))
    rates = "{evaluation.learning_rate: 0.1}, other: {evaluation.cutout: 3}"
    changed = ["methods={a: {method: coin}}", "seeds=[0, 1]", f"ablations={{rate: {rates}}}"]
    study = load(studies.write(tmp_path), changed)
    store = Store(tmp_path / "results")
    assert len(run_all(study.trials, store, workers=4)[0]) == 6
    standing = store.standing(study.trials)
    assert len(standing.finished) == 6
    for seed in (0, 1):
        records = [r for r in standing.finished if r.trial.seed == seed]
        (searched,) = [r for r in records if r.search.reused is None]
        assert len({r.trial.search_id for r in records}) == 1
        for record in records:
            if record.search.reused is not None:
                assert record.search.reused.trial == searched.trial.id
        tables = {store.posterior_path(r.trial).read_bytes() for r in records}
        assert len(tables) == 1 and b"skip_connect" in tables.pop()
    store.record_path(standing.finished[-1].trial).unlink()
    again = load(studies.write(tmp_path), changed)
    left = store.standing(again.trials)
    run_all(left.missing, store, finished=left.finished)
    assert store.standing(again.trials).finished[-1].search.reused is not None
