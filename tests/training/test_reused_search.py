"""An evaluation needs of a search its genotype alone: another process may do it, later."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import tiny

from bench.run.trial import run_trial


@pytest.mark.parametrize("name", ["darts", "vinnas", "pgnas", "bayesnas"])
def test_evaluating_a_found_genotype_gives_the_same_bits(name: str, tmp_path: Path) -> None:
    trial = tiny.trial(name)
    whole = tiny.run(trial, tmp_path).record
    outcome = run_trial(
        trial, device=tiny.CPU, data_root=None, folder=tmp_path, report=lambda p: None, found=whole
    )
    assert outcome.record.status == "finished", outcome.record.error
    assert outcome.posterior == []
    again = tiny.lasting(outcome.record)
    reused = again["search"].pop("reused")
    assert reused["trial"] == trial.id
    assert again == tiny.lasting(whole)


def test_of_other_data_a_search_is_not_taken_over(tmp_path: Path) -> None:
    whole = tiny.run(tiny.trial("darts"), tmp_path).record
    other = tiny.trial("darts", data={"test_limit": 50})
    assert other.search_id == whole.trial.search_id
    outcome = run_trial(
        other, device=tiny.CPU, data_root=None, folder=tmp_path, report=lambda p: None, found=whole
    )
    assert outcome.record.search.reused is None
    assert outcome.record.genotype == whole.genotype
