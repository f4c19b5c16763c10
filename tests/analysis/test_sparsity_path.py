"""Accuracy over thresholds, what is physically removed, and records that do not say."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
from support import synthetic

from analysis import write_all
from analysis.sparsity import path as sparsity_path
from analysis.sparsity import tables as sparsity


def measured(
    label: str, seed: int, thresholds: tuple[float, ...] = (0.0, 3.0, 6.0)
) -> dict[str, Any]:
    """A record as evaluations leave it, with a path if there are thresholds."""
    record = synthetic.record(label, seed=seed, zeroed=0.5 if thresholds else 0.0)
    facts = record["evaluation"]
    total = facts["parameters"]
    facts["threshold"] = 3.0 if thresholds else None
    facts["zeroing_path"] = [
        {
            "threshold": threshold,
            "nonzero_parameters": int(total * (0.2 + 0.1 * threshold)),
            "test": {"accuracy": 0.9 + 0.005 * threshold + 0.001 * seed, "nll": 0.1, "images": 9},
            "validation": {"accuracy": 0.8, "nll": 0.1, "images": 9},
        }
        for threshold in thresholds
    ]
    facts["compact"] = None
    facts["inference"] = {"images": 256, "before_seconds": 0.02}
    if thresholds:
        facts["compact"] = {
            "test": dict(facts["test"]),
            "parameters": total // 2,
            "flops": 7 * total,
        }
        facts["inference"]["after_seconds"] = 0.015
    return record


def test_path_has_a_row_a_threshold_from_the_least_zeroed_on() -> None:
    rows = sparsity_path.table([measured("vinnas", 1), measured("darts", 0, ())])
    vinnas = rows[rows["method"] == "vinnas"]
    assert list(vinnas["threshold"]) == [6.0, 3.0, 0.0]
    assert list(vinnas["used"]) == [False, True, False]
    assert vinnas["test_accuracy_percent"].iloc[1] == pytest.approx(91.6)
    darts = rows[rows["method"] == "darts"]
    assert len(darts) == 1 and darts["threshold"].isna().all() and darts["used"].all()
    assert darts["nonzero_parameters"].iloc[0] == darts["parameters"].iloc[0]


def test_older_records_have_no_path_and_empty_columns() -> None:
    old = synthetic.record("vinnas", zeroed=0.5)
    assert not len(sparsity_path.table([old]))
    row = sparsity.table([old]).iloc[0]
    assert row[["compact_parameters", "inference_before_seconds"]].isna().all()


def test_physically_removed_parameters() -> None:
    record = measured("vinnas", 0)
    row = sparsity.table([record, measured("darts", 0, ())]).iloc[0]
    total = record["evaluation"]["parameters"]
    assert row["removed_parameters"] == total - total // 2
    assert row["inference_after_seconds"] == 0.015 and row["compact_flops"] == 7 * total


def test_figures_and_tables_are_written_the_same_twice(tmp_path: Path) -> None:
    given = [measured(label, seed, path) for seed in range(3)
             for label, path in (("vinnas", (0.0, 3.0, 6.0)), ("darts", ()))]  # fmt: skip
    study = synthetic.study(["darts", "vinnas"])
    for folder in ("one", "two"):
        write_all(tmp_path / folder, given, study)
        given = given[::-1]
    for name in ("sparsity_path.png", "sparsity_cost.png", "sparsity_path.csv", "sparsity.csv"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    with (tmp_path / "one" / "sparsity_path.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 3 * 3 + 3
