"""What is stale and why: another engine, another configuration; `--stale` reruns such records."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import records, studies, tiny_trials

from bench import ENGINE_VERSION
from bench.records import schema
from bench.records.staleness import explain_configuration, explain_engine
from bench.records.store import Store
from bench.run import session
from bench.study.file import load


@pytest.fixture(autouse=True)
def plugin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(studies.PLUGIN))


def test_a_record_is_stale_when_another_engine_made_it(tmp_path: Path) -> None:
    trial = load(studies.write(tmp_path)).trials[0]
    record = tiny_trials.record(trial, provenance={"engine_version": ENGINE_VERSION})
    assert explain_engine(record) is None
    other = {"version": "0.0.1", "git_commit": "0" * 40, "git_dirty": True}
    record = records.changed(record, {"provenance": other})
    assert explain_engine(record) is None, "the package's version and commit do not make numbers"
    record = records.changed(record, {"provenance": {"engine_version": ENGINE_VERSION + 1}})
    assert explain_engine(record) == (
        f"made by engine version {ENGINE_VERSION + 1}, this is {ENGINE_VERSION}"
    )


def test_a_record_from_before_engines_were_numbered_is_stale(tmp_path: Path) -> None:
    values = schema.plain(tiny_trials.record(load(studies.write(tmp_path)).trials[0]))
    del values["provenance"]["engine_version"]
    record = schema.parse(values, "an old record")
    assert isinstance(record, schema.FinishedRecord)
    assert explain_engine(record) == f"made by engine version 0, this is {ENGINE_VERSION}"


def test_another_configuration_is_named(tmp_path: Path) -> None:
    path = studies.write(tmp_path)
    now = load(path).trials[1]
    old = load(path, ["search.epochs=9", "methods.b.tosses=7"]).trials[1]
    record = tiny_trials.record(old)
    assert explain_configuration(record, now) == (
        "made with another configuration: method.tosses was 7, is 2, search.epochs was 9, is 2"
    )
    assert explain_configuration(record, load(path).trials[0]) is None


def test_run_makes_stale_trials_anew_only_when_asked(tmp_path: Path) -> None:
    """The search too, which it must not take over from the record that is stale."""
    study, store = load(studies.write(tmp_path)), Store(tmp_path / "results")
    for number, trial in enumerate(study.trials):
        made = {"engine_version": ENGINE_VERSION + (number == 1), "command": "the first"}
        store.write(tiny_trials.record(trial, provenance=made), [])
    for stale, labels in ((False, []), (True, ["b"])):
        settings = session.Settings(
            stale=stale, device="cpu", workers=1, execute="support.tiny_trials:run"
        )
        session.run(study, store, settings, lambda *_: [], tracked=False)
        finished = store.standing(study.trials).finished
        anew = [record for record in finished if record.provenance.command != "the first"]
        assert [record.trial.label for record in anew] == labels
        assert all(record.search.reused is None for record in finished)
