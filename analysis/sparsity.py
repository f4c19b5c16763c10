"""Sparsity: what a method's zeroing removes, where, and what it costs in accuracy."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.files import write_csv
from analysis.trials import Record, StudyFacts, identity

COLUMNS = (
    "method",
    "dataset",
    "seed",
    "trial",
    "parameters",
    "nonzero_parameters",
    "nonzero_ratio",
    "accuracy_before_percent",
    "accuracy_after_percent",
    "accuracy_change_points",
)
LAYER_COLUMNS = (
    "method", "dataset", "seed", "trial", "layer", "part", "operation", "parameters", "zeros",
    "zero_share",
)  # fmt: skip


def write(folder: Path, records: Sequence[Record], study: StudyFacts) -> list[Path]:
    """Write sparsity.csv, sparsity_layers.csv and, where there are records, sparsity.png."""
    trials, layers = table(records), layer_table(records)
    written = [
        write_csv(folder / "sparsity.csv", trials),
        write_csv(folder / "sparsity_layers.csv", layers),
    ]
    if records:
        from analysis import sparsity_figure

        path = folder / "sparsity.png"
        written.append(sparsity_figure.draw(path, trials, layers, records, study))
    return written


def table(records: Sequence[Record]) -> pd.DataFrame:
    """One row a trial; accuracies in percent on the test images, the change in points.

    Before and after refer to the method's zeroing; they are equal where it zeroes nothing.
    """
    return pd.DataFrame([_row(record) for record in records], columns=list(COLUMNS))


def layer_table(records: Sequence[Record]) -> pd.DataFrame:
    """One row a (trial, layer). zero_share is empty for a layer without parameters."""
    rows: list[dict[str, Any]] = [
        identity(record)
        | {
            "layer": layer["name"],
            "part": part_of(layer["name"]),
            "operation": layer["operation"],
            "parameters": layer["parameters"],
            "zeros": layer["zeros"],
            "zero_share": layer["zeros"] / layer["parameters"] if layer["parameters"] else None,
        }
        for record in records
        for layer in record["evaluation"].get("layers") or ()
    ]
    return pd.DataFrame(rows, columns=list(LAYER_COLUMNS))


def part_of(layer: str) -> str:
    """The part of the network that a layer belongs to: "cells.3.ops.1.0" is in "cell 3"."""
    pieces = layer.split(".")
    if pieces[0] == "cells" and len(pieces) > 1:
        return f"cell {pieces[1]}"
    return pieces[0]


def _row(record: Record) -> dict[str, Any]:
    facts = record["evaluation"]
    after = 100 * facts["test"]["accuracy"]
    before = 100 * (facts.get("test_before_zeroing") or facts["test"])["accuracy"]
    total, kept = facts["parameters"], facts["nonzero_parameters"]
    return identity(record) | {
        "parameters": total,
        "nonzero_parameters": kept,
        "nonzero_ratio": kept / total if total else None,
        "accuracy_before_percent": before,
        "accuracy_after_percent": after,
        "accuracy_change_points": after - before,
    }
