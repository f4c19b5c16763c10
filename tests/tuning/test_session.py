"""A whole tuning with worker processes; settings are trained in no time."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from support import studies, tuned_study

from bench.errors import ConfigurationError
from bench.tuning import session

WITHIN = 300  # seconds: a hang is a failure; nothing here waits that long otherwise
PROGRAM = """
import sys
sys.argv = ["notebook", "--file", "kernel.json"]  # nobody is to run this again
from pathlib import Path
from bench.errors import BenchError
from support import tuned_study
from bench.tuning import session
study, store = tuned_study.make(Path({folder!r}))
settings = tuned_study.settings(execute="support.quick:train", **{settings!r})
try:
    sys.exit(0 if session.run(study, store, settings, tuned_study.write_nothing) else 1)
except BenchError as error:
    print("bench:", error, file=sys.stderr)
    sys.exit(2)
"""


class Program:
    """`bench tune` of four settings, from a program that is no command."""

    def __init__(self, folder: Path, does: dict[str, Any] | None = None, **settings: Any) -> None:
        """does: what jobs do, see `support.quick.train`."""
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.deeds = folder / "deeds"
        self.deeds.write_text(json.dumps(does or {}))
        text = PROGRAM.format(folder=str(folder), settings={"workers": 1, **settings})
        self.process = subprocess.Popen(
            [sys.executable, "-c", text],
            env=studies.environment(QUICK=str(self.deeds)),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def wait_for(self, deed: str) -> None:
        """Until a job has done this."""
        begun = time.monotonic()
        while not self.deeds.with_name(f"deeds.{deed}").exists():
            assert self.process.poll() is None and time.monotonic() < begun + WITHIN
            time.sleep(0.05)

    def end(self) -> tuple[int, str, list[str]]:
        """(exit status, standard output, lines of standard error)."""
        out, err = self.process.communicate(timeout=WITHIN)
        return self.process.returncode, out, err.splitlines()

    def rows(self) -> list[dict[str, Any]]:
        (group,) = tuning_record(self.folder)["groups"]
        rows: list[dict[str, Any]] = group["rows"]
        return rows


def tuning_record(folder: Path) -> dict[str, Any]:
    path = folder / "results" / "tuned" / "tuning" / "method" / "tuning.json"
    record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return record


def lasting(rows: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    keys = ("place", "state", "parameters", "values", "steps", "seconds", "attempts")
    return [tuple(row[key] for key in keys) for row in rows]


@pytest.mark.slow
def test_two_workers_of_a_program_that_is_no_command(tmp_path: Path) -> None:
    program = Program(tmp_path, workers=2)
    status, out, lines = program.end()
    assert status == 0, lines
    assert out == "tables\n"
    assert lines[0].startswith("data digits: 10 classes")
    assert lines[1] == "tuned: 4 of 4 settings to train on 2 x cpu"
    assert sum(" random digits, setting " in line for line in lines) == 4
    assert [row["place"] for row in program.rows()] == [0, 1, 2, 3]
    folder = tmp_path / "results/tuned/tuning/method"
    assert (folder / "settings.yaml").is_file() and not (folder / "checkpoints").exists()


@pytest.mark.slow
def test_the_driver_is_killed_and_the_same_command_goes_on(tmp_path: Path) -> None:
    """In the middle of the third setting; meanwhile no other driver may begin."""
    url = f"sqlite:///{tmp_path / 'shared.db'}"
    unbroken = Program(tmp_path / "unbroken")
    driver = Program(tmp_path / "a", {"-2": "hang"}, storage=url)
    driver.wait_for("-2")
    same, elsewhere = Program(tmp_path / "a", storage=url), Program(tmp_path / "b", storage=url)
    status, _, lines = same.end()
    assert status == 2 and lines[-1].startswith("bench: another run is at work in ")
    status, _, lines = elsewhere.end()
    assert status == 2 and f"{tmp_path}/a/results/tuned/tuning/method is at work on it" in lines[-1]
    driver.process.send_signal(signal.SIGKILL)
    _, _, lines = driver.end()
    assert sum(", setting " in line for line in lines) == 2
    again = Program(tmp_path / "a", storage=url)
    status, _, lines = again.end()
    assert status == 0 and "tuned: 2 of 4 settings to train on 1 x cpu" in lines
    assert unbroken.end()[0] == 0
    assert lasting(again.rows()) == lasting(unbroken.rows())


@pytest.mark.slow
def test_a_worker_is_killed_and_the_next_command_tries_its_setting_again(tmp_path: Path) -> None:
    first = Program(tmp_path, {"-3": "kill"}, workers=2)
    status, _, lines = first.end()
    assert status == 1 and lines[-1].startswith("1 of 4 settings are not done; run the same")
    before = first.rows()
    assert [row["state"] == "failed" for row in before] == [False, False, False, True]
    assert "ended by SIGKILL" in before[3]["error"]
    second = Program(tmp_path, workers=2)
    assert second.end()[0] == 0
    rows = second.rows()
    assert [row["attempts"] for row in rows] == [1, 1, 1, 2]
    assert rows[3]["parameters"] == before[3]["parameters"]
    assert lasting(rows[:3]) == lasting(before[:3])


def test_groups_of_different_sizes_are_refused(tmp_path: Path) -> None:
    """Unless as many architectures are asked for as every group has."""
    study, store = tuned_study.make(tmp_path, "methods.random-none={method: random, none: true}")
    store.record_path(study.trials[0]).unlink()
    settings = tuned_study.settings(trials=1)
    with pytest.raises(ConfigurationError, match="name a smaller number with --architectures"):
        session.run(study, store, settings, tuned_study.write_nothing)
    settings = tuned_study.settings(trials=1, architectures=1, workers=1)
    assert session.run(study, store, settings, tuned_study.write_nothing)
    groups = tuning_record(tmp_path)["groups"]
    assert [[found["seed"] for found in group["architectures"]] for group in groups] == [[1], [0]]
    assert all(row["state"] == "complete" for group in groups for row in group["rows"])
