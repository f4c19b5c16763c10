"""What a leaderboard says, whatever the format of the file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from analysis.common.operations import CollapseThresholds
from analysis.common.sequential import find_level
from analysis.common.text import Note
from analysis.common.trials import name_accuracy
from analysis.leaderboard import notes
from analysis.leaderboard.columns import Cells, describe_comparison, describe_details
from analysis.leaderboard.table import tabulate
from bench.records.facts import StudyFacts
from bench.records.schema import FinishedRecord

DETAILS = "Calibration, size, cost and collapse of the same networks:"
NOTHING = "No trial has finished yet."


@dataclass(frozen=True)
class Leaderboard:
    """A study's rows (`table.COLUMNS`), their two tables by data set, and the notes below them."""

    facts: StudyFacts
    rows: pd.DataFrame
    tables: dict[str, tuple[list[Cells], list[Cells]]]
    """By data set: the rows of what is compared, and those of the details."""
    notes: list[Note]


def build(
    records: Sequence[FinishedRecord], facts: StudyFacts, thresholds: CollapseThresholds
) -> Leaderboard:
    """The leaderboard of ordered records."""
    rows, accuracy = tabulate(records, facts, thresholds), name_accuracy(records)
    tables = {}
    for dataset, block in rows.groupby("dataset", sort=False):
        own = block.to_dict("records")
        level = find_level(facts.looks)
        comparison = [describe_comparison(row, facts.baseline, accuracy, level) for row in own]
        details = [describe_details(row, facts.baseline) for row in own]
        tables[str(dataset)] = comparison, details
    return Leaderboard(facts, rows, tables, notes.explain(records, facts, thresholds))
