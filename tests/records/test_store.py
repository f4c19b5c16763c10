"""The store: whole records or none, and one clear line for a damaged one."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support import records, running, studies, tiny_trials

from bench.errors import ConfigurationError, ResultsError
from bench.records import schema
from bench.records.parts import Failure
from bench.records.store import WRITTEN_WITHIN, Store, read
from bench.run import environment
from bench.study.file import load
from bench.study.model import Study


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    monkeypatch.syspath_prepend(str(studies.PLUGIN))
    return load(studies.write(tmp_path))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "results" / "small")


def test_round_trip(study: Study, store: Store) -> None:
    record = tiny_trials.record(study.trials[0])
    path = store.write(record, tiny_trials.posterior())
    assert path.name == f"{study.trials[0].stem}.json"
    assert read(path) == record
    assert list(store) == [record]
    lines = store.posterior_path(record.trial).read_text().splitlines()
    assert lines[0].startswith("epoch,cell,edge,source,target,operation,mean,std,log_alpha,drop")
    assert lines[1:] == [
        "1,normal,0,,,skip_connect,0.1,,,,,,,True",
        "2,normal,0,,,skip_connect,0.33333334,,,,,,True,True",  # as in single precision
    ]
    assert np.float32("0.33333334") == np.float32(1 / 3)


@pytest.mark.parametrize("said", ["plain", "[ ", "]", "{\n [1,\n 2]}", "a\u2028 [\n", '"[\n"'])
def test_what_has_no_further_parts_is_on_one_line(study: Study, store: Store, said: str) -> None:
    error = {"stage": "data", "type": said, "message": said, "traceback": said}
    record = tiny_trials.record(study.trials[0])
    values = schema.plain(record)
    values["configuration"]["method"] = {"of a text": said, "numbers": [1, 2.5, None], "empty": []}
    record = schema.parse(values, "made for a test")
    path = store.write(record, [])
    assert schema.plain(read(path)) == values
    assert '"numbers": [1, 2.5, null]' in path.read_text()
    longest = max(map(len, path.read_text().splitlines()))
    values["configuration"]["method"]["long"] = list(range(100))
    long = schema.text(schema.parse(values, "made for a test"))
    assert max(map(len, long.splitlines())) == longest and "    99\n" in long
    failed = schema.parse(records.record(failed_in="data") | {"error": error}, "made for a test")
    assert json.loads(schema.text(failed))["error"] == error


def test_same_record_same_bytes(study: Study, store: Store) -> None:
    record = tiny_trials.record(study.trials[0])
    before = store.write(record, []).read_bytes()
    shuffled = dict(reversed(schema.plain(record).items()))
    assert store.write(schema.parse(shuffled, "shuffled"), []).read_bytes() == before


def test_numbers_that_json_cannot_say_become_null(study: Study, store: Store) -> None:
    terms = {"loss": math.nan, "kl": -math.inf, "fine": 1.5}
    epoch = {"epoch": 1, "seconds": 1.0, "terms": terms, "of a method": [math.nan]}
    record = tiny_trials.record(study.trials[0], search={"epochs": [epoch]})
    text = store.write(record, []).read_text()
    assert "NaN" not in text and "Infinity" not in text
    (read_back,) = store
    assert read_back.search is not None
    assert read_back.search.epochs[0].terms == {"loss": None, "kl": None, "fine": 1.5}


@pytest.mark.parametrize("stage", ["data", "search", "evaluation", None])
def test_records_of_every_stage_are_records(stage: str | None) -> None:
    values = records.record(failed_in=stage)
    record = schema.parse(values, "made for a test")
    assert schema.plain(record) == values
    assert isinstance(record, schema.FinishedRecord if stage is None else schema.FailedRecord)


@pytest.mark.parametrize("error", [None, Failure(stage="start", type="E", message="m")])
def test_a_tuned_trial_has_a_tuned_record(study: Study, error: Failure | None) -> None:
    """Also where it failed before it came to anything."""
    trial = dataclasses.replace(study.trials[0], tuning={"seconds": 2.0})
    made = records.record()
    reached = {} if error else {name: made[name] for name in schema.REACHED}
    record = schema.build(trial, error, reached, made["environment"], made["provenance"])
    assert record.is_tuned and record.trial.id == trial.id
    assert record.trial.stem == trial.stem


def test_a_posterior_table_has_the_fewest_digits_of_single_precision(
    study: Study, store: Store
) -> None:
    """Also where the rows are those of another trial's file."""
    row, *_ = tiny_trials.posterior()
    numbers = torch.randn(200, generator=torch.Generator().manual_seed(0)).exp().tolist()
    first, second, _ = study.trials
    store.write(tiny_trials.record(first), [{**row, "mean": n, "std": None} for n in numbers])
    rows = store.posterior(first)
    store.write(tiny_trials.record(second), rows)
    assert store.posterior(second) == rows
    assert torch.tensor([float(row["mean"]) for row in rows]).tolist() == numbers
    assert max(len(row["mean"].replace(".", "").lstrip("0")) for row in rows) <= 9
    assert {row["std"] for row in rows} == {""}


def test_a_failed_trial_that_is_run_again_leaves_nothing_behind(study: Study, store: Store) -> None:
    record = tiny_trials.record(study.trials[0])
    store.write(record, tiny_trials.posterior())
    store.write(record, [])
    assert [path.name for path in store.records_folder.iterdir()] == [
        f"{study.trials[0].stem}.json"
    ]


def test_standing(study: Study, store: Store, tmp_path: Path) -> None:
    first, second, third = study.trials
    store.write(tiny_trials.record(first), [])
    store.write(tiny_trials.failed(second), [])
    other = load(str(tmp_path / "small.yaml"), ["search.epochs=9"]).trials[2]
    store.write(tiny_trials.record(other), [])
    standing = store.standing(study.trials)
    assert [record.trial.id for record in standing.finished] == [first.id]
    assert [record.trial.id for record in standing.failed] == [second.id]
    assert standing.missing == [third]
    assert [record.trial.id for record in standing.stale] == [other.id]
    assert [standing.state_of(trial) for trial in study.trials] == ["finished", "failed", "missing"]


def test_two_labels_of_one_configuration_are_two_trials(
    study: Study, store: Store, tmp_path: Path
) -> None:
    same = load(studies.write(tmp_path), ["methods={a: {method: coin}, b: {method: coin}}"])
    first, second = same.trials
    assert first.id == second.id and first.key != second.key
    store.write(tiny_trials.record(first), [])
    standing = store.standing(same.trials)
    assert standing.missing == standing.list_unfinished(same.trials) == [second]
    assert standing.state_of(second) == "missing"
    store.write(tiny_trials.failed(second), [])
    standing = store.standing(same.trials)
    assert standing.list_unfinished(same.trials) == [second]
    assert [standing.state_of(trial) for trial in same.trials] == ["finished", "failed"]


def without(*path: str) -> Any:
    def change(record: dict[str, Any]) -> None:
        for key in path[:-1]:
            record = record[key]
        del record[path[-1]]

    return change


def with_value(value: Any, *path: str) -> Any:
    def change(record: dict[str, Any]) -> None:
        for key in path[:-1]:
            record = record[key]
        record[path[-1]] = value

    return change


DAMAGES = {
    "other schema": (with_value(2, "schema"), "schema is 2, this version reads 1"),
    "no schema": (without("schema"), "schema is None"),
    "no trial": (without("trial"), "trial"),
    "id cut short": (with_value("abc", "trial", "id"), "trial.id"),
    "accuracy in percent": (with_value(97.0, "evaluation", "test", "accuracy"), "test.accuracy"),
    "no test": (without("evaluation", "test"), "evaluation.test"),
    "no evaluation": (with_value(None, "evaluation"), "it finished, but evaluation is null"),
    "genotype exchanged": (
        with_value({"space": "darts", "cells": {"normal": [[["skip_connect", 0]]]}}, "genotype"),
        "genotype_digest is not the genotype's",
    ),
    "negative seconds": (with_value(-1.0, "search", "seconds"), "search.seconds"),
    "unknown status": (with_value("done", "status"), "status"),
    "failed without error": (with_value("failed", "status"), "it failed, but error is null"),
    "of another seed": (with_value(5, "trial", "seed"), "should be named"),
}


@pytest.mark.parametrize(("damage", "message"), DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_record_is_named_in_one_line(
    damage: Any, message: str, study: Study, store: Store
) -> None:
    path = store.write(tiny_trials.record(study.trials[0]), [])
    record = json.loads(path.read_text())
    damage(record)
    path.write_text(json.dumps(record))
    with pytest.raises(ResultsError) as caught:
        list(store)
    assert str(path) in str(caught.value) and message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_truncated_at_any_place_is_damaged(study: Study, store: Store) -> None:
    path = store.write(tiny_trials.record(study.trials[0]), [])
    whole = path.read_bytes().rstrip()
    for length in (*range(0, len(whole), 97), len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(ResultsError, match="damaged: not JSON"):
            read(path)


def test_a_copy_under_another_name_is_refused(study: Study, store: Store) -> None:
    path = store.write(tiny_trials.record(study.trials[0]), [])
    (path.parent / "copy.json").write_bytes(path.read_bytes())
    with pytest.raises(ResultsError, match=r"copy\.json should be named a-digits-s0-"):
        list(store)


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    store = Store(tmp_path / "file" / "small")
    with pytest.raises(ResultsError, match="cannot be written: Not a directory; choose another"):
        store.prepare()


def test_leftovers_of_a_killed_process_are_no_records_and_are_cleared(store: Store) -> None:
    store.prepare()
    leftover = store.records_folder / ".a-digits-s0-00000000.json.123.tmp"
    leftover.write_text("{")
    assert list(store) == []
    store.clear_leftovers()
    assert list(store.records_folder.iterdir()) == []


def test_what_was_left_beside_the_records_goes_when_nobody_can_be_writing_it(store: Store) -> None:
    store.prepare()
    database = store.folder / ".mlflow.db.abcd.tmp"
    database.mkdir()
    for path in (database / "mlflow.db", store.folder / ".leaderboard.7.tmp.md"):
        path.touch()
    cell = store.folder / "cells" / ".darts.7.tmp.svg"
    cell.parent.mkdir()
    cell.touch()
    old = time.time() - 2 * WRITTEN_WITHIN
    for path in (database, cell):
        os.utime(path, (old, old))
    store.clear_leftovers()
    left = {path.name for path in store.folder.rglob("*") if path.is_file()}
    assert left == {".leaderboard.7.tmp.md"}


def test_names_of_files_are_bounded_and_stay_unique(tmp_path: Path, study: Study) -> None:
    """With what is put around them they fit into 255 bytes, and the record can be written."""
    store = Store(tmp_path / "results" / "small")
    deep = [f"image-folder:/{'/'.join(['a' * 20] * 12)}/{end}" for end in ("cats", "dogs")]
    labels = ["a", "b" * 100, "c" * 300, "ä" * 300, "x/y" * 90]
    stems = set()
    for dataset in deep:
        for label in labels:
            trial = dataclasses.replace(study.trials[0], label=label, dataset=dataset)
            stems.add(trial.stem)
            assert len(trial.stem) <= 180
            assert trial.stem.endswith(f"-s0-{trial.id[:8]}")
            if label in ("a", "b" * 100):
                record = tiny_trials.record(trial)
                path = store.write(record, tiny_trials.posterior())
                assert read(path) == record and store.posterior(record.trial)
    assert len(stems) == len(deep) * len(labels)


def test_names_that_fit_stay_as_they_were() -> None:
    for path in sorted((Path(__file__).parents[2] / "results").glob("*/records/*.json"))[:3]:
        assert read(path).trial.stem == path.stem


@pytest.mark.parametrize("what", ["name", "methods"])
def test_long_names_in_a_study_are_refused(tmp_path: Path, study: Study, what: str) -> None:
    long = "n" * 101
    change = f"name={long}" if what == "name" else f"methods={{{long}: {{method: coin}}}}"
    with pytest.raises(ConfigurationError, match="at most 100"):
        load(studies.write(tmp_path), [change, "baseline=null"])


def test_arguments_that_the_locale_cannot_read_are_utf_8(
    study: Study, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under LC_ALL=C they come as bytes that were no text, which no file could be written with."""
    raw = "description=größer \N{RIGHTWARDS ARROW}".encode().decode("ascii", "surrogateescape")
    monkeypatch.setattr(sys, "argv", ["bench", "run", "small", "--set", raw, "\udcff"])
    provenance = environment.provenance("2026-11-27T00:00:00+00:00", "2026-11-27T00:00:00+00:00")
    assert provenance["command"].endswith("--set description=größer \N{RIGHTWARDS ARROW} \ufffd")
    record = tiny_trials.record(study.trials[0], provenance=provenance)
    assert read(store.write(record, [])) == record


def test_a_record_that_cannot_be_written_is_kept_elsewhere(
    study: Study, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    store.folder.mkdir(parents=True)
    store.records_folder.write_text("in the way")
    with pytest.raises(ResultsError, match="the record is kept in ") as caught:
        running.run_all(study.trials[:1], store)
    saved = Path(str(caught.value).split("is kept in ")[1].split(",")[0])
    assert read(saved).trial.label == "a" and saved.is_relative_to(tmp_path)


def test_a_record_does_not_need_its_posterior_table(study: Study, store: Store) -> None:
    trial = study.trials[0]
    store.posterior_path(trial).mkdir(parents=True)  # so that no file can be there
    records, said = running.run_all([trial], store)
    assert list(store) == records
    assert any("the record is kept without its posterior table" in line for line in said)
