"""What a leaderboard's cells say: the same text in Markdown, LaTeX and HTML."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import pandas as pd

from analysis.common.failed_searches import NO_RANK
from analysis.common.intervals import FEWEST_SEEDS
from analysis.common.sequential import show_level
from analysis.common.text import format_p_value
from bench.records.schema import mark_tuned

TOO_FEW = "too few seeds"


class Cell(NamedTuple):
    """The text of a cell, and the number, text or None that its column is sorted by."""

    text: str
    key: Any
    numeric: bool = True


Row = Mapping[Any, Any]
"""A row of `analysis.leaderboard.table.tabulate`."""
Cells = dict[str, Cell]
"""A row as people read it: heading -> cell."""


def describe_comparison(row: Row, baseline: str | None, accuracy: str, level: float) -> Cells:
    """What is compared: rank, accuracy (named in a few words), verdict, size and times.

    level: of the intervals of differences from the baseline.
    """
    cells = {
        "rank (95 % interval)": Cell(_rank(row), _get(row, "rank")),
        "method": _method(row, baseline),
        f"{accuracy}, % (95 % interval)": Cell(_accuracy(row), row["test_accuracy_percent"]),
        "interquartile mean, %": _number(row, "interquartile_mean_percent", "{:.2f}"),
        "seeds": _number(row, "seeds", "{}"),
    }
    if baseline is not None:
        shift, share = _get(row, "shift_points"), _get(row, "better_share")
        interval = f"{show_level(level)} % interval"
        cells |= {
            f"shift from the baseline, points ({interval})": Cell(_shift(row), shift),
            f"P(better than the baseline), % ({interval})": Cell(_better(row), share),
            "p of the rank test (Holm)": Cell(
                format_p_value(row["p_value_holm"]), _get(row, "p_value_holm")
            ),
            "verdict": Cell(_verdict(row), _get(row, "verdict"), numeric=False),
        }
    if not pd.isna(row["chance_share"]):
        cells["P(random cells are as good), %"] = Cell(_chance(row), row["chance_share"])
    return cells | {
        "parameters": _number(row, "parameters", "{:,.0f}"),
        "non-zero parameters": _number(row, "nonzero_parameters", "{:,.0f}"),
        "search time, s": _number(row, "search_seconds", "{:,.1f}"),
        "evaluation time, s": _number(row, "evaluation_seconds", "{:,.1f}"),
    }


def describe_details(row: Row, baseline: str | None) -> Cells:
    """How else a method did, and what it cost."""
    cells = {"method": _method(row, baseline)}
    if baseline is not None:
        cells["difference of the means from the baseline, points"] = _number(
            row, "mean_difference_points", "{:+.2f}"
        )
    memory = [
        _number(row, f"{stage}_peak_memory_bytes", "{:,.0f}", 2**-20)
        for stage in ("search", "evaluation")
    ]
    collapsed = f"{row['collapsed']} of {row['seeds']}"
    return cells | {
        "NLL, nats": _number(row, "nll", "{:.4f}"),
        "ECE, %": _number(row, "ece_percent", "{:.2f}"),
        "FLOPs": Cell(_abbreviate(row["flops"]), _get(row, "flops")),
        "peak memory of the search, MiB": memory[0],
        "peak memory of the evaluation, MiB": memory[1],
        "searches that failed to train": Cell(_failures(row), _get(row, "searches_failed")),
        "collapsed": Cell(collapsed, float(row["collapsed"]) / float(row["seeds"])),
        "evaluation": Cell(_evaluation(row), row["evaluation"], numeric=False),
        "device": Cell(row["device"], row["device"], numeric=False),
    }


def _get(row: Row, key: str) -> Any:
    return None if pd.isna(row[key]) else row[key]


def _number(row: Row, key: str, form: str, scale: float = 1) -> Cell:
    value = _get(row, key)
    return Cell("" if value is None else form.format(scale * value), value)


def name_row(row: Row, baseline: str | None) -> str:
    """The method of a row of the leaderboard, and whether it is tuned or the baseline."""
    name = mark_tuned(row["method"], row["evaluation"] == "tuned")
    return f"{name} (baseline)" if name == baseline else name


def _method(row: Row, baseline: str | None) -> Cell:
    text = name_row(row, baseline)
    return Cell(text, text, numeric=False)


def _rank(row: Row) -> str:
    if pd.isna(row["rank"]):
        return NO_RANK
    if row["seeds"] < FEWEST_SEEDS:
        return f"{row['rank']} ({TOO_FEW})"
    return f"{row['rank']} ({row['rank_low']} to {row['rank_high']})"


def _accuracy(row: Row) -> str:
    mean, low, high = (row[f"test_accuracy_{end}percent"] for end in ("", "low_", "high_"))
    if pd.isna(low):
        return f"{mean:.2f} ({TOO_FEW})"
    few = f"; {TOO_FEW}" if row["seeds"] < FEWEST_SEEDS else ""
    return f"{mean:.2f} ({low:.2f} to {high:.2f}{few})"


def _shift(row: Row) -> str:
    shift, low, high = (row[f"shift_{end}points"] for end in ("", "low_", "high_"))
    if pd.isna(shift):
        return ""
    return f"{shift:+.2f} ({TOO_FEW if pd.isna(low) else f'{low:+.2f} to {high:+.2f}'})"


def _better(row: Row) -> str:
    if pd.isna(row["better_share"]):
        return ""
    share, low, high = (100 * row[f"better_{end}share"] for end in ("", "low_", "high_"))
    return f"{share:.0f} ({low:.0f} to {high:.0f})"


def _verdict(row: Row) -> str:
    if pd.isna(row["verdict"]):
        return ""
    few = f" ({TOO_FEW})" if row["compared_seeds"] < FEWEST_SEEDS else ""
    return f"{row['verdict']}{few}"


def _chance(row: Row) -> str:
    percent = 100 * row["chance_share"]
    return "< 0.1" if percent < 0.1 else f"{percent:.1f}"


def _failures(row: Row) -> str:
    judged = row["searches_judged"]
    return f"{row['searches_failed']} of {judged}" if judged else "not known"


def _evaluation(row: Row) -> str:
    seconds = _get(row, "tuning_seconds")
    return str(row["evaluation"]) + ("" if seconds is None else f", {seconds:,.0f} s of tuning")


def _abbreviate(value: float) -> str:
    """A number with one decimal and a unit: 4.5 M."""
    if pd.isna(value):
        return ""
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if value >= size:
            return f"{value / size:,.1f} {unit}"
    return f"{value:,.0f}"
