"""The page about a study's ablations: the table, what it says, and how far to trust it."""

from __future__ import annotations

from typing import Any

import pandas as pd

from analysis.common import sequential, text
from analysis.common.comparisons import Verdict
from analysis.common.intervals import FEWEST_SEEDS
from analysis.common.rank_statistics import EXACTNESS
from analysis.common.text import Note
from bench.records.facts import StudyFacts

HEADINGS = (
    "data set", "variation", "changes", "{accuracy}, %", "shift, points ({level} % interval)",
    "P(better), % ({level} % interval)", "p of the rank test (Holm)", "verdict",
    "80 % power from, points", "non-zero parameters", "search time", "evaluation time", "seeds",
)  # fmt: skip


def format_page(rows: pd.DataFrame, facts: StudyFacts, accuracy: str) -> str:
    """ablation.md, from the rows of `analysis.ablation.table.tabulate`.

    accuracy: what it is called.
    """
    level = sequential.show_level(sequential.find_level(facts.looks))
    headings = [heading.format(accuracy=accuracy, level=level) for heading in HEADINGS]
    title = f"Ablations of {text.escape(facts.base)}: {text.escape(facts.name)}"
    numeric = [False] * 3 + [True] * (len(HEADINGS) - 3)
    cells = [_format_row(row, facts.base) for row in rows.to_dict("records")]
    lines = [
        *text.format_heading(title, facts.description, facts.gate),
        *text.format_table(headings, numeric, cells),
        "",
        *text.format_notes(_explain(rows, facts)),
    ]
    return "\n".join([*lines, ""])


def _explain(rows: pd.DataFrame, facts: StudyFacts) -> list[Note]:
    tested = rows[rows["verdict"].notna()]
    verdicts = [
        f"{verdict}: {_list_variations(tested[tested['verdict'] == verdict])}."
        for verdict in Verdict
    ]
    paired = sorted(set(tested.loc[tested["paired"].eq(True), "variation"]))
    level, stopping = sequential.find_level(facts.looks), sequential.explain(facts)
    inner = sequential.show_level(2 * level - 1)
    error = f"{100 * (1 - level):.3g} %"
    notes = [
        *([Note(stopping)] if stopping else []),
        Note(
            "The test is the two-sided rank-sum test (Wilcoxon-Mann-Whitney, with ties;"
            f" {EXACTNESS})."
            " Variations that change the evaluation alone share the base's searches and are paired"
            f" with it by the signed-rank test ({', '.join(paired) or 'none here'}); others"
            " draw other numbers from the same seed. p-values are corrected by Holm over the"
            " variations of a data set. The shift is the Hodges-Lehmann estimate; its interval has"
            " the shifts that the test does not reject. P(better) is the probability that a seed of"
            " the variation is above one of the base."
        ),
        Note(
            f"Equivalent: the {inner} % interval of the shift and the"
            f" difference of the means are within {facts.region:g} points, the region of practical"
            f" equivalence. Better, worse: significant at {error}, and the means differ in the same"
            f" direction. Undecided: all else, and wherever there are fewer than {FEWEST_SEEDS}"
            " seeds. The verdicts are:",
            tuple(verdicts),
        ),
        Note(
            "80 % power from: the smallest difference that had a probability of 80 % to be found"
            " significant (normal values with the standard deviation of the two samples, the test"
            f" at {error} over the number of variations); none where so few seeds cannot find a"
            " difference of any size."
        ),
        Note(
            "Non-zero parameters and times are ratios to the base (geometric means). A search that"
            " a variation shares with the base was done once; its time counts in both."
        ),
    ]
    few = sorted(set(rows.loc[rows["seeds"].between(1, FEWEST_SEEDS - 1), "variation"]))
    if few:
        notes.append(Note(f"Too few seeds: {', '.join(few)}."))
    missing = sorted(set(rows.loc[rows["seeds"] == 0, "variation"]))
    if missing:
        notes.append(Note(f"Not run yet, or failed: {', '.join(missing)}."))
    return notes


def _list_variations(rows: pd.DataFrame) -> str:
    named = [
        f"{row['variation']} on {row['dataset']} ({row['shift_points']:+.2f})"
        for row in rows.to_dict("records")
    ]
    return ", ".join(named) or "none"


def _format_row(row: dict[Any, Any], base: str | None) -> list[str]:
    def number(key: str, form: str, unit: str = "") -> str:
        return "" if pd.isna(row[key]) else format(row[key], form) + unit

    shift, better, power = number("shift_points", "+.2f"), "", ""
    if shift:
        low, high = number("shift_low_points", "+.2f"), number("shift_high_points", "+.2f")
        shift += f" ({low} to {high})" if low else " (too few seeds)"
        low, high = (f"{100 * row[f'better_{end}_share']:.0f}" for end in ("low", "high"))
        better = f"{100 * row['better_share']:.0f} ({low} to {high})"
        power = number("detectable_points", ".2f") or "none"
    return [
        row["dataset"],
        row["variation"] + (" (base)" if row["variation"] == base else ""),
        row["changes"],
        number("test_accuracy_percent", ".2f"),
        shift,
        better,
        text.format_p_value(row["p_value_holm"]),
        number("verdict", ""),
        power,
        number("nonzero_ratio", ".2f", "×"),
        number("search_seconds_ratio", ".2f", "×"),
        number("evaluation_seconds_ratio", ".2f", "×"),
        str(row["seeds"]),
    ]
