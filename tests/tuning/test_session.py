"""A whole tuning, alone and with further processes, of a study that trains for milliseconds."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support import studies, tuned_study

from bench.errors import ConfigurationError
from bench.tuning import session

PROGRAM = """
import sys
sys.argv = ["notebook", "--file", "kernel.json"]  # nobody is to run this again
from pathlib import Path
from support import tuned_study
from bench.tuning import helpers, session
study, store = tuned_study.make(Path({folder!r}))
settings = tuned_study.settings()
"""
HELPED = (
    PROGRAM
    + """
with helpers.working(1, session.run, study, store, settings, tuned_study.write_nothing):
    pass  # the other process does everything
"""
)
TWO = (
    PROGRAM
    + """
from dataclasses import replace
assert session.run(study, store, replace(settings, workers=2), tuned_study.write_nothing)
"""
)


def tuning_record(folder: Path) -> dict[str, Any]:
    path = folder / "results" / "tuned" / "tuning" / "method" / "tuning.json"
    record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return record


def run_program(text: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """As a notebook does: there is no file that could be run again."""
    return subprocess.run(
        [sys.executable, "-c", text.format(folder=str(folder))],
        env=studies.environment(),
        capture_output=True,
        text=True,
        check=False,
    )


def lasting(record: dict[str, Any]) -> list[tuple[Any, ...]]:
    keys = ("place", "state", "parameters", "values", "steps")
    return [tuple(row[key] for key in keys) for row in record["groups"][0]["rows"]]


@pytest.mark.slow
def test_further_processes_need_no_command_to_run_again(tmp_path: Path) -> None:
    (tmp_path / "helped").mkdir()
    done = run_program(HELPED, tmp_path / "helped")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "", "a further process is silent but for errors"
    helped = tuning_record(tmp_path / "helped")
    (tmp_path / "alone").mkdir()
    study, store = tuned_study.make(tmp_path / "alone")
    assert session.run(study, store, tuned_study.settings(), tuned_study.write_nothing)
    assert lasting(helped) == lasting(tuning_record(tmp_path / "alone"))
    assert [row["state"] for row in helped["groups"][0]["rows"]] == ["complete"] * 4


@pytest.mark.slow
def test_two_workers_from_a_program_that_is_no_command(tmp_path: Path) -> None:
    done = run_program(TWO, tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "tables\n", "this process writes them for its caller to see"
    (group,) = tuning_record(tmp_path)["groups"]
    assert group["finished"] and [row["place"] for row in group["rows"]] == [0, 1, 2, 3]
    assert (tmp_path / "results/tuned/tuning/method/settings.yaml").is_file()


@pytest.mark.slow
def test_an_error_of_a_further_process_is_one_line(tmp_path: Path) -> None:
    broken = HELPED.replace("tuned_study.settings()", "tuned_study.settings(only=('nothing',))")
    done = run_program(broken, tmp_path)
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("bench: --only nothing: not tuned;")


def test_groups_of_different_sizes_are_refused(tmp_path: Path) -> None:
    """Unless as many architectures are asked for as every group has."""
    study, store = tuned_study.make(tmp_path, "methods.random-none={method: random, none: true}")
    store.record_path(study.trials[0]).unlink()
    settings = tuned_study.settings(trials=1)
    with pytest.raises(ConfigurationError, match="name a smaller number with --architectures"):
        session.run(study, store, settings, tuned_study.write_nothing)
    settings = tuned_study.settings(trials=1, architectures=1)
    assert session.run(study, store, settings, tuned_study.write_nothing)
    groups = tuning_record(tmp_path)["groups"]
    assert [[found["seed"] for found in group["architectures"]] for group in groups] == [[1], [0]]
