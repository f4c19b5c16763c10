"""What the rank correlations between depths say, in sentences."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from analysis.common import text
from analysis.common.rank_statistics import FEWEST_POINTS
from analysis.common.text import Note
from analysis.depth.table import ALL_DATASETS, correlate, tabulate
from bench.records.facts import StudyFacts
from bench.records.schema import FinishedRecord

HEADINGS = (
    "data set", "varied", "small", "large", "genotypes", "Kendall's tau (95 % interval)",
    "Spearman's correlation (95 % interval)", "noise ceiling",
    "lost by choosing at the small scale, points",
)  # fmt: skip


def describe(records: Iterable[FinishedRecord]) -> list[str]:
    """A sentence for each pair of depths or widths; over all data sets where there are several."""
    return list_sentences(correlate(tabulate(records)))


def list_sentences(pairs: pd.DataFrame) -> list[str]:
    """The sentences, from the rows of `analysis.depth.table.correlate`."""
    together = pairs[pairs["dataset"] == ALL_DATASETS]
    chosen = together if len(together) else pairs
    return [_describe(row) for row in chosen.to_dict("records")]


def _describe(row: Mapping[Any, Any]) -> str:
    scales = f"{row['small']} and at {row['large']} {row['varied']}"
    where = f"on {row['dataset']}" if row["dataset"] != ALL_DATASETS else "over all data sets"
    genotypes = f"{row['genotypes']} genotypes"
    if pd.isna(row["kendall"]):
        why = "at one of them all are equally good"
        if row["genotypes"] < FEWEST_POINTS:
            why = f"{genotypes} have both, and a rank correlation needs {FEWEST_POINTS}"
        return f"The rankings at {scales} {where} are not compared: {why}."
    return (
        f"The rankings at {scales} {where} have Kendall's tau {_format(row, 'kendall')} and"
        f" Spearman's correlation {_format(row, 'spearman')}{_limit(row)}, over {genotypes};"
        f" {_judge(row)}."
    )


def _limit(row: Mapping[Any, Any]) -> str:
    if pd.isna(row["ceiling"]):
        return ""
    return f", of at most {row['ceiling']:.2f} that the noise of trainings leaves of the latter"


def _judge(row: Mapping[Any, Any]) -> str:
    if row["kendall_low"] > 0:
        return "the order at the small scale tells something of that at the large one"
    if row["kendall_high"] < 0:
        return "the orders are opposed"
    return "whether the order at the small scale holds at the large one is undecided"


def _format(row: Mapping[Any, Any], name: str) -> str:
    return f"{row[name]:.2f} ({row[f'{name}_low']:.2f} to {row[f'{name}_high']:.2f})"


def format_page(pairs: pd.DataFrame, facts: StudyFacts) -> str:
    """depth.md, from the rows of `analysis.depth.table.correlate`."""
    numeric = [False, False, *[True] * (len(HEADINGS) - 2)]
    cells = [_format_row(row) for row in pairs.to_dict("records")]
    notes = [Note(sentence) for sentence in list_sentences(pairs)]
    notes.append(
        Note(
            "A genotype's accuracy is the mean over its trainings on the test images. Intervals are"
            " percentile bootstraps over genotypes, within each data set; over all data sets is the"
            " mean of their correlations. Trainings differ by their seeds too, which lowers every"
            " correlation: it is below 1 even where depth changes nothing. The noise ceiling is"
            " what that leaves of Spearman's correlation, from how well two trainings of the same"
            " genotypes agree; it is empty where they were trained once (evaluation.repeats). The"
            " last column is the accuracy at the large scale of what is best there, minus that of"
            " what is best at the small one."
        )
    )
    if facts.gate:
        notes.append(Note(facts.gate))
    lines = [
        *text.format_heading(f"Small and large networks: {text.escape(facts.name)}"),
        *text.format_table(HEADINGS, numeric, cells),
        "",
        *text.format_notes(notes),
    ]
    return "\n".join([*lines, ""])


def _format_row(row: Mapping[Any, Any]) -> list[str]:
    known = not pd.isna(row["kendall"])
    other = "channels" if row["varied"] == "cells" else "cells"
    return [
        str(row["dataset"]),
        f"{row['varied']}, at {row['fixed']} {other}",
        *(str(row[name]) for name in ("small", "large", "genotypes")),
        *(_format(row, name) if known else "" for name in ("kendall", "spearman")),
        "" if pd.isna(row["ceiling"]) else f"{row['ceiling']:.2f}",
        f"{row['loss_points']:.2f}",
    ]
