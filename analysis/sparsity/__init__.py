"""Sparsity: what a method's zeroing removes, where, and what it costs in accuracy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from analysis.common.outputs import Outputs
from analysis.common.plots import Looks
from analysis.common.trials import label_accuracy
from analysis.sparsity import cost, path, sizes, tables
from bench.records.schema import FinishedRecord


def make(records: Sequence[FinishedRecord], looks: Looks) -> Outputs:
    """sparsity.csv, _layers.csv, _path.csv, and the figures for which there are records."""
    trials, layers = tables.tabulate(records), tables.tabulate_layers(records)
    points = tables.tabulate_path(records)
    outputs: dict[str, Any] = {
        "sparsity.csv": trials,
        "sparsity_layers.csv": layers[layers.groupby("trial")["zeros"].transform("sum") > 0],
        "sparsity_path.csv": points,
    }
    if records:
        outputs["sparsity.png"] = sizes.draw(trials, layers, label_accuracy(records), looks)
    if points["threshold"].notna().any():
        outputs["sparsity_path.png"] = path.draw(points, label_accuracy(records), looks)
    if trials["compact_parameters"].notna().any():
        outputs["sparsity_cost.png"] = cost.draw(trials, looks)
    return outputs
