"""The table of how far the architectures moved, below leaderboard.md."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from support import synthetic
from support.synthetic import with_accuracies

from analysis import write_leaderboard
from bench.records.schema import FinishedRecord, parse, plain

HEADING = "## How far the architectures moved"


def moved(record: FinishedRecord, entropy: float | None, factor: float, rates: float) -> Any:
    values = plain(record)
    values["search"]["architecture"] = {
        "entropy": entropy,
        "maximum_entropy": None if entropy is None else math.log(5),
        "rate_factor": factor,
        "sum_of_rates": rates,
    }
    return parse(values, "test")


def write(folder: Path, records: Sequence[FinishedRecord]) -> str:
    paths = write_leaderboard(folder, records, synthetic.facts(["darts", "random"]))
    return paths[0].read_text()


def test_means_over_seeds_of_what_the_records_say(tmp_path: Path) -> None:
    darts, random = with_accuracies("darts", [0.9, 0.8]), with_accuracies("random", [0.9, 0.8])
    records = [
        moved(darts[0], math.log(5), 16.0, 0.2),
        moved(darts[1], math.log(5) / 2, 10.0, 0.4),
        *random,
    ]
    text = write(tmp_path, records)
    section = text[text.index(HEADING) :]
    assert "| darts | digits | 2 | 75.0 | 13 | 0.3 |" in section
    assert "| random |" not in section, "it says nothing of an architecture that moved"


def test_a_method_without_a_distribution_has_no_entropy(tmp_path: Path) -> None:
    records = [moved(record, None, 1.0, 12.5) for record in with_accuracies("darts", [0.9, 0.8])]
    assert "| darts | digits | 2 |  | 1 | 12.5 |" in write(tmp_path, records)


def test_older_records_have_no_table(tmp_path: Path) -> None:
    assert HEADING not in write(tmp_path, with_accuracies("darts", [0.9, 0.8]))


def test_a_search_counts_once(tmp_path: Path) -> None:
    """Two trials with one search are evaluations of one architecture."""
    first, second = (plain(record) for record in with_accuracies("darts", [0.9, 0.8]))
    second["trial"]["search_id"] = first["trial"]["search_id"]
    records = [moved(parse(values, "test"), 1.0, 2.0, 3.0) for values in (first, second)]
    assert "| darts | digits | 1 |" in write(tmp_path, records)
