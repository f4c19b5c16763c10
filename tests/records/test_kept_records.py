"""Kept records: each is read as it is written, and is of a trial of its shipped study."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.records import schema
from bench.records.gather import with_additions
from bench.records.store import read
from bench.records.transfer.loading import load
from bench.study.file import shipped

RESULTS = Path(__file__).parents[2] / "results"
FOLDERS = sorted(RESULTS.rglob("records"))
KEPT = [name for name in shipped() if (RESULTS / name / "records").is_dir()]


@pytest.mark.parametrize("name", KEPT)
def test_ids_are_those_of_the_study(name: str) -> None:
    """Else `bench status` calls them stale, and a run would train all of it again."""
    found = {
        json.loads(path.read_text(encoding="utf-8"))["trial"]["id"]
        for path in (RESULTS / name / "records").glob("*.json")
    }
    study = with_additions(load(name, (), RESULTS), RESULTS / name)
    assert found <= {trial.id for trial in study.trials}


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: str(folder.relative_to(RESULTS)))
def test_a_record_that_is_read_and_written_is_the_same_file(folder: Path) -> None:
    for path in folder.glob("*.json"):
        assert schema.text(read(path)) == path.read_text(encoding="utf-8"), path
