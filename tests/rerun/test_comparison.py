"""What counts as the same: to the last bit, within 1e-5, or not; and which value differs first."""

from __future__ import annotations

from typing import Any

import pytest
from support import records as support

from bench.records.schema import FinishedRecord
from bench.rerun.comparison import TOLERANCE, Comparison, Verdict, compare
from bench.rerun.outcome import Outcome, summarise

RECORD = support.finished()


def with_search(epoch: int, name: str, value: float) -> FinishedRecord:
    """The record with another loss term in an epoch of its search."""
    rows = [row.model_dump(exclude_unset=True) for row in RECORD.search.epochs]
    rows[epoch - 1]["terms"][name] = value
    return support.changed(RECORD, {"search": {"epochs": rows}})


def term(epoch: int, name: str = "weights.kl") -> float:
    value = RECORD.search.epochs[epoch - 1].terms[name]
    assert value is not None
    return value


def first(comparison: Comparison) -> str:
    return comparison.differences[0].place


def test_times_memory_and_the_machine_are_no_results() -> None:
    changes: dict[str, Any] = {
        "search": {"seconds": 1.0, "selection_seconds": 9.0, "peak_memory_bytes": 1},
        "evaluation": {"seconds": 2.0, "peak_memory_bytes": 2},
        "environment": {"hardware": "another", "packages": {"torch": "1.0"}},
        "provenance": {"started": "2030-01-01T00:00:00+00:00", "git_commit": "f" * 40},
    }
    comparison = compare(RECORD, support.changed(RECORD, changes))
    assert comparison.verdict is Verdict.IDENTICAL
    assert comparison.values > 40


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_the_tolerance_parts_close_from_different(factor: float) -> None:
    comparison = compare(RECORD, with_search(2, "weights.kl", term(2) + factor * TOLERANCE))
    assert comparison.verdict is (Verdict.CLOSE if factor < 1 else Verdict.DIFFERENT)
    assert first(comparison) == "search, epoch 2: weights.kl"
    assert len(comparison.differences) == 1


def test_the_tolerance_is_relative_for_large_numbers() -> None:
    large = with_search(1, "weights.kl", 1e6)
    assert compare(large, with_search(1, "weights.kl", 1e6 + 5)).verdict is Verdict.CLOSE
    assert compare(large, with_search(1, "weights.kl", 1e6 + 50)).verdict is Verdict.DIFFERENT


def test_the_first_difference_is_the_earliest_in_the_trial() -> None:
    rerun = support.changed(
        with_search(3, "weights.kl", 7.0),
        {"evaluation": {"test": {"accuracy": 0.5}, "nonzero_parameters": 1}},
    )
    places = [difference.place for difference in compare(RECORD, rerun).differences]
    assert places == [
        "search, epoch 3: weights.kl",
        "evaluation: nonzero_parameters",
        "evaluation: test.accuracy",
    ]


def test_another_genotype_is_different_however_close_the_numbers() -> None:
    other = support.finished("darts")
    given = {"genotype": other.genotype, "genotype_digest": other.genotype_digest}
    comparison = compare(RECORD, support.changed(RECORD, given))
    assert comparison.verdict is Verdict.DIFFERENT
    (difference,) = comparison.differences
    assert (difference.place, difference.was, difference.now) == (
        "genotype",
        RECORD.genotype_digest,
        other.genotype_digest,
    )


def test_what_the_rerun_reports_besides_is_no_difference_but_what_it_lacks_is() -> None:
    more = support.changed(RECORD, {"selection": {"candidates": 8}})
    assert compare(RECORD, more).verdict is Verdict.IDENTICAL
    comparison = compare(more, RECORD)
    assert comparison.verdict is Verdict.DIFFERENT
    assert str(comparison.differences[0]).endswith("was 8 and is not reported any more")


def test_what_else_differs_is_named_and_what_the_record_does_not_say() -> None:
    changes = {
        "environment": {
            "python": "3.12.1",
            "instructions": "AVX2",
            "threads": 4,
            "packages": {"torch": "2.14.1", "numpy": "2.4.0", "scipy": "1.17.1"},
        },
        "provenance": {"engine_version": 99, "git_dirty": True},
        "data": {"digest": "0" * 64},
    }
    outcome = Outcome("a.json", RECORD, support.changed(RECORD, changes), {"method.new": 3})
    line = outcome.describe()[-1].partition("what else differs: ")[2]
    named = {part.split(" (")[0]: part for part in line.split("; ")}
    assert list(named) == [
        "engine version",
        "git commit",
        "Python",
        "torch",
        "CPU instructions",
        "threads",
        "data, SHA-256",
        "option method.new",
    ]
    assert named["torch"] == "torch (was 2.15.0, here 2.14.1)"
    assert named["CPU instructions"] == "CPU instructions (not recorded, here AVX2)"
    assert named["git commit"].endswith("with changes)")
    assert outcome.is_same  # whatever else differs, the results do not


def test_outcomes_in_words() -> None:
    close = Outcome("a", RECORD, with_search(1, "weights.kl", term(1) + 1e-7), {})
    moved = with_search(1, "weights.kl", term(1) + 1e-7)
    rows = [row.model_dump(exclude_unset=True) for row in moved.search.epochs]
    rows[2]["terms"]["weights.kl"] = 5.0
    different = Outcome("b", RECORD, support.changed(moved, {"search": {"epochs": rows}}), {})
    failed = Outcome("c", RECORD, support.failed("search"), {})
    assert close.describe()[0] == "a: the same within 1e-05"
    lines = different.describe()
    assert lines[0] == "b: DIFFERENT" and lines[1].startswith("  2 of ")
    assert lines[2].startswith("  the first that differs: search, epoch 1: weights.kl was")
    assert lines[3].startswith("  the first that differs by more than 1e-05: search, epoch 3")
    assert failed.describe()[0].startswith("c: FAILED in search: NonFiniteLoss: the loss")
    assert [outcome.is_same for outcome in (close, different, failed)] == [True, False, False]
    assert summarise([close, different, failed, failed]) == (
        "4 run again: 1 DIFFERENT; 2 failed; 1 the same within 1e-05"
    )
