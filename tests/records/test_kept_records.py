"""Records that are kept in the repository stay those of the shipped studies' trials."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import pytest

from bench.options import Mark, options, resolved
from bench.study.file import load, shipped

RESULTS = Path(__file__).parents[2] / "results"
KEPT = [name for name in shipped() if (RESULTS / name / "records").is_dir()]


@pytest.mark.parametrize("name", KEPT)
def test_ids_are_those_of_the_study(name: str) -> None:
    """Else `bench status` calls them stale, and a run would train all of it again."""
    found = {
        json.loads(path.read_text(encoding="utf-8"))["trial"]["id"]
        for path in (RESULTS / name / "records").glob("*.json")
    }
    assert found <= {trial.id for trial in load(name).trials}


def test_a_later_option_is_told_only_where_it_is_used() -> None:
    @options
    class Config:
        old: int = 1
        new: Annotated[int, Mark.LATER] = 2

    assert resolved(Config()) == {"old": 1}
    assert resolved(Config(new=3)) == {"old": 1, "new": 3}
    assert Config(**resolved(Config())) == Config()
