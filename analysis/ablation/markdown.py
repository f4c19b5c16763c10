"""The page about a study's ablations: the table, what it says, and how far to trust it."""

from __future__ import annotations

from typing import Any

import pandas as pd

from analysis.common import text
from analysis.common.statistics import FEWEST_SEEDS, LEVEL
from analysis.common.text import Note
from bench.records.facts import StudyFacts

FEW = 6
"""Below so many seeds the notes say how little can be found."""
HEADINGS = (
    "data set", "variation", "changes", "test accuracy, %", "difference, points (95 % interval)",
    "Hedges' g", "better in", "p of the paired t test (Holm)", "non-zero parameters",
    "search time", "evaluation time", "seeds",
)  # fmt: skip


def format_page(rows: pd.DataFrame, facts: StudyFacts) -> str:
    """ablation.md, from the rows of `analysis.ablation.table.tabulate`."""
    title = f"Ablations of {text.escape(facts.base)}: {text.escape(facts.name)}"
    numeric = [False] * 3 + [True] * (len(HEADINGS) - 3)
    cells = [_format_row(row, facts.base) for row in rows.to_dict("records")]
    lines = [
        *text.format_heading(title, facts.description, facts.gate),
        *text.format_table(HEADINGS, numeric, cells),
        "",
        *text.format_notes(_explain(rows, facts)),
    ]
    return "\n".join([*lines, ""])


def _explain(rows: pd.DataFrame, facts: StudyFacts) -> list[Note]:
    significant = rows[rows["p_value_holm"] < 1 - LEVEL]
    tests = int(rows["p_value_holm"].notna().sum())
    named = [
        f"{row['variation']} on {row['dataset']} ({row['difference_points']:+.2f})"
        for row in significant.to_dict("records")
    ]
    notes = [
        Note(
            "Differences are paired by seed: variation and base share splits, batch order and"
            " evaluation seeds. The interval and the p-value are those of the paired t test, the"
            " p-value corrected by Holm over the variations of a data set; with fewer than"
            f" {FEWEST_SEEDS} seeds there are none. Hedges' g is the mean difference over its"
            " standard deviation, corrected for few seeds. `better in` is the share of the seeds"
            " at which the variation has the higher accuracy, a tie counting half."
        ),
        Note(
            "Non-zero parameters and times are ratios to the base (geometric means). A search that"
            " a variation shares with the base was done once; its time counts in both."
        ),
        Note(
            f"Of {tests} tested variations, these are significantly different from the base (paired"
            f" t test, corrected by Holm, 5 %): {', '.join(named) or 'none'}. A variation that is"
            " not may still differ by as much as its interval says."
        ),
    ]
    counts = rows.loc[(rows["variation"] != facts.base) & (rows["seeds"] > 0), "seeds"]
    if len(counts) and counts.min() < FEW:
        seeds = int(counts.min())
        notes.append(
            Note(f"With {seeds} seed{'s' * (seeds > 1)} only large, steady differences are found.")
        )
    missing = sorted(set(rows.loc[rows["seeds"] == 0, "variation"]))
    if missing:
        notes.append(Note(f"Not run yet, or failed: {', '.join(missing)}."))
    return notes


def _format_row(row: dict[Any, Any], base: str | None) -> list[str]:
    def number(key: str, form: str, unit: str = "") -> str:
        return "" if pd.isna(row[key]) else format(row[key], form) + unit

    difference = number("difference_points", "+.2f")
    if not pd.isna(row["difference_low_points"]):
        low, high = row["difference_low_points"], row["difference_high_points"]
        difference += f" ({low:+.2f} to {high:+.2f})"
    return [
        row["dataset"],
        row["variation"] + (" (base)" if row["variation"] == base else ""),
        row["changes"],
        number("test_accuracy_percent", ".2f"),
        difference,
        number("effect_size", "+.2f"),
        number("better_share", ".0%"),
        number("p_value_holm", ".3f"),
        number("nonzero_ratio", ".2f", "×"),
        number("search_seconds_ratio", ".2f", "×"),
        number("evaluation_seconds_ratio", ".2f", "×"),
        str(row["seeds"]),
    ]
