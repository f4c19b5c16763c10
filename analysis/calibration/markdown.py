"""The page about the calibration: old and new intervals and tests side by side."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from analysis.calibration import basis, coverage, stopping, testing
from analysis.common import text
from analysis.common.comparisons import Verdict
from analysis.common.intervals import FEWEST_SEEDS, SKEWED, students_t
from analysis.common.sequential import describe_looks
from analysis.common.text import Note

COVERAGE_HEADINGS = (
    "population", "seeds", "Student's t", "studentised bootstrap", "new", "width of t, points",
    "width of new, points",
)  # fmt: skip
TEST_HEADINGS = (
    "population", "seeds", "false alarms, t", "false alarms, new",
    *(f"power at {shift:g} points, {name}" for shift in testing.SHIFTS for name in ("t", "new")),
    "80 % power from, t, points", "80 % power from, new, points",
)  # fmt: skip
VERDICT_HEADINGS = ("population", "seeds", *map(str, Verdict))
STOPPING_HEADINGS = (
    "population", "shift, points", "wrong, looking at 5 % each time", "wrong (95 % interval)",
    f"wrong, any of {stopping.FAMILY}", "better", "equivalent", "undecided", "seeds, mean",
    "fixed seeds of that power",
)  # fmt: skip


def format_page(
    covered: pd.DataFrame,
    tested: pd.DataFrame,
    stopped: pd.DataFrame,
    multipliers: Mapping[int, Mapping[str, float]],
    sources: Sequence[str],
    region: float,
) -> str:
    """calibration.md; multipliers: seeds -> population of the basis -> what it needs."""
    lines = [
        *text.format_heading("Calibration of intervals and tests", _describe(sources)),
        "## Coverage of the 95 % interval of a mean, %",
        "",
        *_format(COVERAGE_HEADINGS, [_format_coverage(row) for row in _list(covered)]),
        "",
        "## Tests of a difference at 5 %, %",
        "",
        *_format(TEST_HEADINGS, [_format_test(row) for row in _list(tested)]),
        "",
        "## Verdicts on two methods that draw from the same cells, %",
        "",
        *_format(VERDICT_HEADINGS, [_format_verdicts(row) for row in _list(tested)]),
        "",
        "## Seeds that are added until a verdict, %",
        "",
        *_format(STOPPING_HEADINGS, [_format_stopping(row) for row in _list(stopped)]),
        "",
        "## Standard errors that the interval reaches down",
        "",
        *_format_multipliers(multipliers),
        "",
        *text.format_notes(_explain(region)),
    ]
    return "\n".join([*lines, ""])


def _describe(sources: Sequence[str]) -> str:
    return (
        "Simulated seeds are cells that are drawn at random from all cells of NAS-Bench-201 or from"
        f" those without the operation none: {'; '.join(sources)}."
    )


def _explain(region: float) -> list[Note]:
    return [
        Note(
            f"Coverage: of {coverage.SIMULATIONS:,} simulations (bootstrap:"
            f" {coverage.BOOTSTRAPPED:,}), so known to about one point (bootstrap: four). The"
            " leaderboards had the bootstrap before, with fewer than 6 seeds Student's t; other"
            " measures than accuracies still have it. Widths are medians."
        ),
        Note(
            f"Tests: of {testing.SIMULATIONS:,} simulations of two methods that draw random cells,"
            " of which one is raised by so many points. The paired t test pairs their seeds,"
            " although they share no draws, as it did before. With 3 seeds each the exact test has"
            " no p-value below 0.1, so it never rejects."
        ),
        Note(
            f"Verdicts: of {testing.JUDGED:,} simulations without any difference; better and worse"
            " are the false alarms of the test at 5 %. Equivalent means within"
            f" {region:g} points, which is less than so few random cells can show. With fewer than"
            f" {FEWEST_SEEDS} seeds there is no verdict."
        ),
        Note(
            f"Seeds that are added until a verdict (`bench run --until-decided`):"
            f" {describe_looks(stopping.LOOKS)}, of {stopping.SIMULATIONS:,} simulations of two"
            " methods that draw random cells, or the best of 10 random cells, of which one is"
            " raised by so many points. Wrong: better or worse where there is no shift, worse where"
            " there is one; beside it what comes out if each look is a test at 5 %, and how often"
            f" one or more of {stopping.FAMILY} methods is called better or worse than a baseline"
            " that is as good (Holm). Seeds are those of each method when it stops; beside them the"
            " fixed number of seeds with which the test at 5 % finds it better as often."
        ),
        Note(
            "The last table has, for each population of the basis, the multiplier of the standard"
            " error with which the interval covers 95 %. The interval uses the largest, rounded up."
            " No table of accuracies is among them. Where failures are still further away or more"
            " frequent, and none was drawn, no interval of so few values can know of them: with one"
            " run in four failing 15 deviations below, that of 5 seeds covers 88 %."
        ),
    ]


def _format(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return text.format_table(headings, [False] + [True] * (len(headings) - 1), rows)


def _list(frame: pd.DataFrame) -> list[dict[Any, Any]]:
    return frame.to_dict("records")


def _percent(value: float) -> str:
    return f"{100 * value:.1f}"


def _points(value: float) -> str:
    return "none" if math.isnan(value) else f"{value:.1f}"


def _format_coverage(row: Mapping[Any, Any]) -> list[str]:
    shares = [_percent(row[f"{kind}_coverage"]) for kind in coverage.INTERVALS]
    widths = [_points(row[f"{kind}_width_points"]) for kind in ("t", "new")]
    return [row["population"], str(row["seeds"]), *shares, *widths]


def _format_test(row: Mapping[Any, Any]) -> list[str]:
    names = ["false_alarms", *(f"power_{shift:g}" for shift in testing.SHIFTS)]
    shares = [_percent(row[f"{kind}_{name}"]) for name in names for kind in testing.TESTS]
    sizes = [_points(row[f"{kind}_detectable_points"]) for kind in testing.TESTS]
    return [row["population"], str(row["seeds"]), *shares, *sizes]


def _format_verdicts(row: Mapping[Any, Any]) -> list[str]:
    shares = [_percent(row[f"identical_{verdict}"]) for verdict in Verdict]
    return [row["population"], str(row["seeds"]), *shares]


def _format_stopping(row: Mapping[Any, Any]) -> list[str]:
    names = ("wrong_share", "wrong_low_share", "wrong_high_share")
    wrong, low, high = (f"{100 * row[name]:.2f}" for name in names)
    family, fixed = row["family_wrong_share"], row["fixed_seeds"]
    return [
        row["population"],
        f"{row['shift_points']:g}",
        f"{100 * row['naive_wrong_share']:.2f}",
        f"{wrong} ({low} to {high})",
        "" if math.isnan(family) else f"{100 * family:.2f}",
        *(_percent(row[f"{name}_share"]) for name in ("better", "equivalent", "undecided")),
        f"{row['mean_seeds']:.1f}",
        "" if math.isnan(fixed) else f"{fixed:.1f}",
    ]


def _format_multipliers(multipliers: Mapping[int, Mapping[str, float]]) -> list[str]:
    headings = ["seeds", "Student's t", "used", *basis.POPULATIONS]
    rows = [
        [str(seeds), f"{students_t(seeds):.2f}", f"{SKEWED[seeds]:.1f}"]
        + [f"{value:.2f}" for value in needed.values()]
        for seeds, needed in multipliers.items()
    ]
    return _format(headings, rows)
