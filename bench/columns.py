"""Names that readers and writers of records share; imports nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

POSTERIOR = (
    "epoch",
    "cell",
    "edge",
    "source",
    "target",
    "operation",
    "mean",
    "std",
    "log_alpha",
    "drop_probability",
    "snr",
    "probability",
    "alive",
    "selected",
)
"""Columns of the posterior table: one row an (epoch, cell, edge, operation)."""


# removed when analysis takes objects: bench.records.parts.Evaluation has it
def accuracy_name(evaluation: Mapping[str, Any]) -> str:
    """What a record's accuracy is: of test images, or known from a table (kind tabular)."""
    if evaluation.get("kind") != "tabular":
        return "test accuracy"
    name = evaluation["dataset"]
    return f"known {evaluation['sources'][name]['split']} accuracy ({name})"
