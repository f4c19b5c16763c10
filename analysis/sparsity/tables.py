"""Parameters, zeros and accuracies by trial, by layer and by threshold."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from analysis.common.trials import TRIAL_COLUMNS, identify
from bench.records.evaluation_parts import Evaluation, ZeroingLevel
from bench.records.schema import FinishedRecord

COLUMNS = (
    *TRIAL_COLUMNS, "parameters", "nonzero_parameters", "nonzero_ratio",
    "accuracy_before_percent", "accuracy_after_percent", "accuracy_change_points",
    "compact_parameters", "removed_parameters", "compact_accuracy_percent", "flops",
    "compact_flops", "inference_before_seconds", "inference_after_seconds", "inference_images",
)  # fmt: skip
LAYER_COLUMNS = (
    *TRIAL_COLUMNS, "layer", "part", "operation", "parameters", "zeros", "zero_share",
)  # fmt: skip
PATH_COLUMNS = (
    *TRIAL_COLUMNS, "threshold", "used", "parameters", "nonzero_parameters",
    "test_accuracy_percent", "validation_accuracy_percent",
)  # fmt: skip


def tabulate(records: Iterable[FinishedRecord]) -> pd.DataFrame:
    """One row per trial; accuracies in percent on the test images, the change in points.

    Before and after refer to the method's zeroing; they are equal where it zeroes nothing. Compact
    is the network without what can be removed physically, empty where the method zeroes nothing or
    the record is older; inference times are of a batch of `inference_images`.
    """
    counts = ("compact_parameters", "removed_parameters", "compact_flops", "inference_images")
    times = ("compact_accuracy_percent", "inference_before_seconds", "inference_after_seconds")
    kinds = dict.fromkeys(counts, "Int64") | dict.fromkeys(times, "float64")
    rows = [identify(record) | _describe(record.evaluation) for record in records]
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(kinds)


def _describe(evaluation: Evaluation) -> dict[str, Any]:
    after = 100 * evaluation.test.accuracy
    before = 100 * evaluation.test_before_zeroing.accuracy
    total, kept = evaluation.parameters, evaluation.nonzero_parameters
    row: dict[str, Any] = {
        "parameters": total,
        "nonzero_parameters": kept,
        "nonzero_ratio": kept / total if total else None,
        "accuracy_before_percent": before,
        "accuracy_after_percent": after,
        "accuracy_change_points": after - before,
        "flops": evaluation.flops,
    }
    if timed := evaluation.inference:
        row |= {
            "inference_before_seconds": timed.before_seconds,
            "inference_after_seconds": timed.after_seconds,
            "inference_images": timed.images,
        }
    if compact := evaluation.compact:
        row |= {
            "compact_parameters": compact.parameters,
            "removed_parameters": total - compact.parameters,
            "compact_accuracy_percent": 100 * compact.test.accuracy,
            "compact_flops": compact.flops,
        }
    return row


def tabulate_layers(records: Iterable[FinishedRecord]) -> pd.DataFrame:
    """One row per (trial, layer); zero_share is empty for a layer without parameters."""
    rows: list[dict[str, Any]] = [
        identify(record)
        | {
            "layer": layer.name,
            "part": name_part(layer.name),
            "operation": layer.operation,
            "parameters": layer.parameters,
            "zeros": layer.zeros,
            "zero_share": layer.zeros / layer.parameters if layer.parameters else None,
        }
        for record in records
        for layer in record.evaluation.layers
    ]
    return pd.DataFrame(rows, columns=list(LAYER_COLUMNS))


def name_part(layer: str) -> str:
    """The part of the network that a layer belongs to: "cells.3.ops.1.0" is in "cell 3"."""
    pieces = layer.split(".")
    return f"cell {pieces[1]}" if pieces[0] == "cells" and len(pieces) > 1 else pieces[0]


def tabulate_path(records: Iterable[FinishedRecord]) -> pd.DataFrame:
    """One row per (trial, threshold), from the least zeroed on; accuracies in percent.

    `used` marks the threshold of the trial's own result. A trial whose method zeroes nothing has
    one row, without threshold: its network as it is. Older records have no path and no rows.
    """
    rows: list[dict[str, Any]] = []
    for record in records:
        evaluation = record.evaluation
        if "zeroing_path" not in evaluation.model_fields_set:
            continue
        path = sorted(evaluation.zeroing_path, key=lambda level: -level.nonzero_parameters)
        levels: list[ZeroingLevel | Evaluation] = [*path] or [evaluation]
        for level in levels:
            threshold = level.threshold if path else None
            validation = level.validation
            rows.append(
                identify(record)
                | {
                    "threshold": threshold,
                    "used": threshold is None or threshold == evaluation.threshold,
                    "parameters": evaluation.parameters,
                    "nonzero_parameters": level.nonzero_parameters,
                    "test_accuracy_percent": 100 * level.test.accuracy,
                    "validation_accuracy_percent": validation and 100 * validation.accuracy,
                }
            )
    return pd.DataFrame(rows, columns=list(PATH_COLUMNS))
