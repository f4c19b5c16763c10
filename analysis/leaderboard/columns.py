"""What a leaderboard's cells say: the same text in Markdown, LaTeX and HTML."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import pandas as pd

from analysis.common.statistics import FEWEST_SEEDS

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


def describe_comparison(row: Row, baseline: str | None, accuracy: str) -> Cells:
    """What is compared: rank, accuracy (named in a few words), tests, size and times."""
    cells = {
        "rank (95 % interval)": Cell(_rank(row), row["rank"]),
        "method": _method(row, baseline),
        f"{accuracy}, % (95 % interval)": Cell(_accuracy(row), row["test_accuracy_percent"]),
        "seeds": _number(row, "seeds", "{}"),
    }
    if baseline is not None:
        share, p_value = _get(row, "beats_baseline"), _get(row, "p_value_holm")
        cells["P(beats baseline), % (95 % interval)"] = Cell(_beats(row), share)
        cells["p of the paired t test (Holm)"] = Cell(_p_value(row), p_value)
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
        key = _get(row, "difference_points")
        cells["difference from the baseline, points (95 % interval)"] = Cell(_difference(row), key)
        cells["Hedges' g"] = _number(row, "effect_size", "{:+.2f}")
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
        "collapsed": Cell(collapsed, float(row["collapsed"]) / float(row["seeds"])),
        "evaluation": Cell(_evaluation(row), row["evaluation"], numeric=False),
        "device": Cell(row["device"], row["device"], numeric=False),
    }


def _get(row: Row, key: str) -> Any:
    return None if pd.isna(row[key]) else row[key]


def _number(row: Row, key: str, form: str, scale: float = 1) -> Cell:
    value = _get(row, key)
    return Cell("" if value is None else form.format(scale * value), value)


def _method(row: Row, baseline: str | None) -> Cell:
    name, tuned = row["method"], row["evaluation"] == "tuned"
    text = f"{name} (tuned)" if tuned else f"{name} (baseline)" if name == baseline else name
    return Cell(text, text, numeric=False)


def _rank(row: Row) -> str:
    if pd.isna(row["rank_low"]):
        return f"{row['rank']} ({TOO_FEW})" if row["seeds"] < FEWEST_SEEDS else str(row["rank"])
    return f"{row['rank']} ({row['rank_low']:.0f} to {row['rank_high']:.0f})"


def _accuracy(row: Row) -> str:
    mean, low, high = (row[f"test_accuracy_{end}percent"] for end in ("", "low_", "high_"))
    if pd.isna(low):
        seeds = f"{row['seeds']} seed{'s' * (row['seeds'] > 1)}"
        return f"{mean:.2f} ({seeds}: too few for an interval)"
    return f"{mean:.2f} ({low:.2f} to {high:.2f})"


def _is_baseline(row: Row) -> bool:
    return bool(pd.isna(row["paired_seeds"]))


def _beats(row: Row) -> str:
    if pd.isna(row["beats_baseline"]):
        return "" if _is_baseline(row) else TOO_FEW
    share, low, high = (100 * row[f"beats_baseline{end}"] for end in ("", "_low", "_high"))
    return f"{share:.0f} ({low:.0f} to {high:.0f})"


def _p_value(row: Row) -> str:
    p_value = row["p_value_holm"]
    if pd.isna(p_value):
        return "" if _is_baseline(row) else TOO_FEW
    return "< 0.001" if p_value < 0.001 else f"{p_value:.3f}"


def _difference(row: Row) -> str:
    mean, low, high = (row[f"difference_{end}points"] for end in ("", "low_", "high_"))
    if pd.isna(mean):
        return ""
    return f"{mean:+.2f} ({TOO_FEW if pd.isna(low) else f'{low:+.2f} to {high:+.2f}'})"


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
