"""What is stale and why: records of other code, of other configurations; `--stale` reruns them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import studies
import tiny_trials

import bench
from bench import session
from bench.record import Store
from bench.staleness import changed_since, other_code, other_configuration
from bench.study_file import load


@pytest.fixture(autouse=True)
def plugin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(studies.PLUGIN))


def _git(root: Path, *arguments: str) -> str:
    who = ["-c", "user.name=a", "-c", "user.email=a@b"]
    done = subprocess.run(
        ["git", "-C", str(root), *who, *arguments], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_only_code_that_makes_results_counts(tmp_path: Path) -> None:
    for name in ("bench/training/trainer.py", "methods/darts.py", "analysis/plots.py"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text("1\n")
    assert changed_since(tmp_path, "HEAD") is None  # not a checkout
    _git(tmp_path, "init", "-q")
    _git(tmp_path, "add", ".")
    _git(tmp_path, "commit", "-qm", "one")
    commit = _git(tmp_path, "rev-parse", "HEAD")
    changed_since.cache_clear()
    assert changed_since(tmp_path, commit) == ()
    (tmp_path / "analysis/plots.py").write_text("2\n")
    (tmp_path / "methods/darts.py").write_text("2\n")
    (tmp_path / "methods/new.py").write_text("1\n")
    changed_since.cache_clear()
    assert changed_since(tmp_path, commit) == ("methods/darts.py", "methods/new.py")
    assert changed_since(tmp_path, "0" * 40) is None


def test_where_git_cannot_say_the_version_decides(tmp_path: Path) -> None:
    record = tiny_trials.record(load(studies.write(tmp_path)).trials[0])
    record["provenance"] |= {"git_commit": "0" * 40, "version": bench.__version__}
    assert other_code(record) is None
    record["provenance"]["version"] = "0.0.1"
    assert other_code(record) == f"made by version 0.0.1, this is {bench.__version__}"
    record["provenance"] |= {"version": bench.__version__, "git_dirty": True}
    assert "not committed" in str(other_code(record))


def test_another_configuration_is_named(tmp_path: Path) -> None:
    path = studies.write(tmp_path)
    now = load(path).trials[1]
    old = load(path, ["search.epochs=9", "methods.b.tosses=7"]).trials[1]
    record = tiny_trials.record(old)
    assert other_configuration(record, now) == (
        "made with another configuration: method.tosses was 7, is 2, search.epochs was 9, is 2"
    )
    assert other_configuration(record, load(path).trials[0]) is None


def test_run_makes_stale_trials_anew_only_when_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study, store = load(studies.write(tmp_path)), Store(tmp_path / "results")
    for number, trial in enumerate(study.trials):
        record = tiny_trials.record(trial)
        record["provenance"] |= {"version": bench.__version__, "git_commit": None}
        record["provenance"]["command"] = "the first"
        if number == 1:
            record["provenance"]["version"] = "0.0.1"
        store.write(record, [])
    ran: list[list[str]] = []

    def run_trials(trials: list[object], *arguments: object, **options: object) -> None:
        ran.append([str(trial) for trial in trials])

    monkeypatch.setattr(session, "run_trials", run_trials)
    monkeypatch.setattr(session, "check_data", lambda trials, root: None)
    monkeypatch.setattr(session.Tracker, "complete", lambda self, records: None)
    for stale in (False, True):
        session.run(study, store, session.Settings(stale=stale, device="cpu"), lambda *_: [])
    assert ran == [["b on digits, seed 0"]]
