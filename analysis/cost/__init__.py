"""Known accuracy against cost in trained architectures: black-box searches and one-shot methods."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.common.outputs import Outputs
from analysis.common.plots import Looks
from analysis.common.trials import is_tabular, label_accuracy
from analysis.cost.figure import draw
from analysis.cost.table import tabulate
from bench.records.schema import FinishedRecord


def make(records: Sequence[FinishedRecord], looks: Looks) -> Outputs:
    """cost.csv and .png, where a method trained architectures one after another."""
    if not any(record.selection.trajectory for record in records):
        return {}
    rows, accuracy = tabulate(records), label_accuracy(filter(is_tabular, records))
    return {"cost.csv": rows, "cost.png": draw(rows, accuracy, looks)}
