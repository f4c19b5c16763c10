"""What a leaderboard's cells say: the same text in Markdown, LaTeX and HTML."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from analysis.common.statistics import FEWEST_SEEDS

Row = Mapping[Any, Any]
TOO_FEW = "too few seeds"


@dataclass(frozen=True)
class Column:
    """A column: its heading, a row's text, and the number or word that the text is sorted by."""

    heading: str
    text: Callable[[Row], str]
    key: Callable[[Row], Any]
    numeric: bool = True


@dataclass(frozen=True)
class Table:
    """The rows of one data set under some columns."""

    dataset: str
    columns: Sequence[Column]
    rows: Sequence[Row]

    def texts(self) -> list[list[str]]:
        """The cells' text, row by row."""
        return [[column.text(row) for column in self.columns] for row in self.rows]


def tables(
    rows: pd.DataFrame, baseline: str | None, dataset: str, accuracy: str = "test accuracy"
) -> tuple[Table, Table]:
    """(what is compared, what it cost and how else it did) of one data set.

    accuracy: what the accuracies are, in a few words.
    """
    chosen = rows[rows["dataset"] == dataset].to_dict("records")
    return (
        Table(dataset, _main(baseline, accuracy), chosen),
        Table(dataset, _details(baseline), chosen),
    )


def _main(baseline: str | None, accuracy: str) -> list[Column]:
    compared = [
        Column("P(beats baseline), % (95 % interval)", _beats, _get("beats_baseline")),
        Column("p, paired (Holm)", _p_value, _get("p_value_holm")),
    ]
    return [
        Column("rank (95 % interval)", _rank, _get("rank")),
        _method(baseline),
        Column(f"{accuracy}, % (95 % interval)", _accuracy, _get("test_accuracy_percent")),
        Column("seeds", lambda row: str(row["seeds"]), _get("seeds")),
        *(compared if baseline is not None else ()),
        _number("parameters", "parameters", "{:,.0f}"),
        _number("non-zero", "nonzero_parameters", "{:,.0f}"),
        _number("search, s", "search_seconds", "{:,.1f}"),
        _number("evaluation, s", "evaluation_seconds", "{:,.1f}"),
    ]


def _details(baseline: str | None) -> list[Column]:
    compared = [
        Column("minus baseline, points (95 % interval)", _difference, _get("difference_points")),
        _number("effect size g", "effect_size", "{:+.2f}"),
    ]
    return [
        _method(baseline),
        *(compared if baseline is not None else ()),
        _number("NLL, nats", "nll", "{:.4f}"),
        _number("ECE, %", "ece_percent", "{:.2f}"),
        Column("FLOPs", lambda row: _engineering(row["flops"]), _get("flops")),
        _number("search memory, MiB", "search_peak_memory_bytes", "{:,.0f}", 2**-20),
        _number("evaluation memory, MiB", "evaluation_peak_memory_bytes", "{:,.0f}", 2**-20),
        Column("collapsed", lambda row: f"{row['collapsed']} of {row['seeds']}", _collapsed),
        Column("evaluation", _evaluation, _get("evaluation"), numeric=False),
        Column("device", lambda row: str(row["device"]), _get("device"), numeric=False),
    ]


def _method(baseline: str | None) -> Column:
    def text(row: Row) -> str:
        tuned = row["evaluation"] == "tuned"
        return f"{row['method']}{' (tuned)' if tuned else ''}" + (
            " (baseline)" if row["method"] == baseline and not tuned else ""
        )

    return Column("method", text, text, numeric=False)


def _number(heading: str, key: str, form: str, scale: float = 1.0) -> Column:
    def text(row: Row) -> str:
        return "" if _lacks(row, key) else form.format(scale * row[key])

    return Column(heading, text, _get(key))


def _get(key: str) -> Callable[[Row], Any]:
    return lambda row: None if _lacks(row, key) else row[key]


def _lacks(row: Row, key: str) -> bool:
    return bool(pd.isna(row[key]))


def _rank(row: Row) -> str:
    if _lacks(row, "rank_low"):
        return f"{row['rank']} ({TOO_FEW})" if row["seeds"] < FEWEST_SEEDS else str(row["rank"])
    low, high = int(row["rank_low"]), int(row["rank_high"])
    return f"{row['rank']} ({low} to {high})"


def _accuracy(row: Row) -> str:
    if _lacks(row, "test_accuracy_low_percent"):
        plural = "s" * (row["seeds"] > 1)
        spread = f"({row['seeds']} seed{plural}: too few for an interval)"
    else:
        low, high = row["test_accuracy_low_percent"], row["test_accuracy_high_percent"]
        spread = f"({low:.2f} to {high:.2f})"
    return f"{row['test_accuracy_percent']:.2f} {spread}"


def _is_baseline(row: Row) -> bool:
    return _lacks(row, "paired_seeds")


def _beats(row: Row) -> str:
    if _is_baseline(row):
        return ""
    if _lacks(row, "beats_baseline"):
        return TOO_FEW
    low, high = 100 * row["beats_baseline_low"], 100 * row["beats_baseline_high"]
    return f"{100 * row['beats_baseline']:.0f} ({low:.0f} to {high:.0f})"


def _p_value(row: Row) -> str:
    if _is_baseline(row):
        return ""
    if _lacks(row, "p_value_holm"):
        return TOO_FEW
    return "< 0.001" if row["p_value_holm"] < 0.001 else f"{row['p_value_holm']:.3f}"


def _difference(row: Row) -> str:
    if _lacks(row, "difference_points"):
        return ""
    if _lacks(row, "difference_low_points"):
        return f"{row['difference_points']:+.2f} ({TOO_FEW})"
    low, high = row["difference_low_points"], row["difference_high_points"]
    return f"{row['difference_points']:+.2f} ({low:+.2f} to {high:+.2f})"


def _collapsed(row: Row) -> float:
    return float(row["collapsed"]) / float(row["seeds"])


def _evaluation(row: Row) -> str:
    if _lacks(row, "tuning_seconds"):
        return str(row["evaluation"])
    return f"{row['evaluation']}, {row['tuning_seconds']:,.0f} s of tuning"


def _engineering(value: Any) -> str:
    """A number with one decimal and a unit: 4.5 M."""
    if pd.isna(value):
        return ""
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if value >= size:
            return f"{value / size:,.1f} {unit}"
    return f"{value:,.0f}"
