"""What is stale and why: another engine, another configuration; `--stale` reruns such records."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import studies, tiny_trials

from bench import ENGINE_VERSION
from bench.records.staleness import UNNUMBERED, engine_of, other_configuration, other_engine
from bench.records.store import Store
from bench.run import session
from bench.study.file import load


@pytest.fixture(autouse=True)
def plugin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(studies.PLUGIN))


def test_a_record_is_stale_when_another_engine_made_it(tmp_path: Path) -> None:
    record = tiny_trials.record(load(studies.write(tmp_path)).trials[0])
    record["provenance"]["engine_version"] = ENGINE_VERSION
    assert other_engine(record) is None
    record["provenance"] |= {"version": "0.0.1", "git_commit": "0" * 40, "git_dirty": True}
    assert other_engine(record) is None, "the package's version and commit do not make numbers"
    record["provenance"]["engine_version"] = ENGINE_VERSION + 1
    assert other_engine(record) == (
        f"made by engine version {ENGINE_VERSION + 1}, this is {ENGINE_VERSION}"
    )


def test_a_record_from_before_engines_were_numbered_is_stale(tmp_path: Path) -> None:
    record = tiny_trials.record(load(studies.write(tmp_path)).trials[0])
    record["provenance"].pop("engine_version", None)
    assert engine_of(record) == UNNUMBERED != ENGINE_VERSION


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
        other = number == 1
        record["provenance"] |= {"engine_version": ENGINE_VERSION + other, "command": "the first"}
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
