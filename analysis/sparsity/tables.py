"""Sparsity: what a method's zeroing removes, where, and what it costs in accuracy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.common.files import write_csv
from analysis.common.trials import Record, StudyFacts, identity
from analysis.sparsity import path as sparsity_path

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
    "compact_parameters",
    "removed_parameters",
    "compact_accuracy_percent",
    "flops",
    "compact_flops",
    "inference_before_seconds",
    "inference_after_seconds",
    "inference_images",
)
LAYER_COLUMNS = (
    "method", "dataset", "seed", "trial", "layer", "part", "operation", "parameters", "zeros",
    "zero_share",
)  # fmt: skip


def write(folder: Path, records: Sequence[Record], study: StudyFacts) -> list[Path]:
    """Write sparsity.csv, _layers.csv, _path.csv and the figures for which there are records."""
    trials, layers, points = table(records), layer_table(records), sparsity_path.table(records)
    written = [
        write_csv(folder / "sparsity.csv", trials),
        write_csv(folder / "sparsity_layers.csv", layers),
        write_csv(folder / "sparsity_path.csv", points),
    ]
    if records:
        from analysis.sparsity import cost as sparsity_cost
        from analysis.sparsity import figure as sparsity_figure

        path = folder / "sparsity.png"
        written.append(sparsity_figure.draw(path, trials, layers, records, study))
        if points["threshold"].notna().any():
            path = folder / "sparsity_path.png"
            written.append(sparsity_path.draw(path, points, records, study))
        if trials["compact_parameters"].notna().any():
            path = folder / "sparsity_cost.png"
            written.append(sparsity_cost.draw(path, trials, records, study))
    return written


def table(records: Sequence[Record]) -> pd.DataFrame:
    """One row a trial; accuracies in percent on the test images, the change in points.

    Before and after refer to the method's zeroing; they are equal where it zeroes nothing. Compact
    is the network without what can be removed physically, empty where the method zeroes nothing or
    the record is older; inference times are of a batch of `inference_images`.
    """
    counts = ("compact_parameters", "removed_parameters", "compact_flops", "inference_images")
    times = ("compact_accuracy_percent", "inference_before_seconds", "inference_after_seconds")
    kinds = dict.fromkeys(counts, "Int64") | dict.fromkeys(times, "float64")
    rows = [_row(record) for record in records]
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(kinds)


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
    timed = facts.get("inference") or {}
    return (
        identity(record)
        | {
            "parameters": total,
            "nonzero_parameters": kept,
            "nonzero_ratio": kept / total if total else None,
            "accuracy_before_percent": before,
            "accuracy_after_percent": after,
            "accuracy_change_points": after - before,
            "flops": facts["flops"],
            "inference_before_seconds": timed.get("before_seconds"),
            "inference_after_seconds": timed.get("after_seconds"),
            "inference_images": timed.get("images"),
        }
        | (_compact(facts["compact"], total) if facts.get("compact") else {})
    )


def _compact(facts: Mapping[str, Any], total: int) -> dict[str, Any]:
    return {
        "compact_parameters": facts["parameters"],
        "removed_parameters": total - facts["parameters"],
        "compact_accuracy_percent": 100 * facts["test"]["accuracy"],
        "compact_flops": facts["flops"],
    }
