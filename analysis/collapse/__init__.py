"""Collapse: how much of a found cell is one operation, or operations without parameters."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from analysis.collapse import agreement, figures, prediction, signals, tables
from analysis.common import known_accuracies
from analysis.common.operations import CollapseThresholds
from analysis.common.outputs import Outputs
from analysis.common.plots import Looks
from bench.records.schema import FinishedRecord


def make(
    records: Sequence[FinishedRecord],
    thresholds: CollapseThresholds,
    posteriors: Path,
    looks: Looks,
) -> Outputs:
    """The tables collapse*.csv and, with records, the figures.

    posteriors: the folder of the records' posterior tables. collapse_prediction.csv is there where
    accuracies are known by epoch.
    """
    final = tables.tabulate(records, thresholds)
    epochs = tables.tabulate_epochs(records, thresholds, posteriors)
    outputs: dict[str, Any] = {
        "collapse.csv": final,
        "collapse_epochs.csv": epochs,
        "collapse_seeds.csv": agreement.tabulate(records, thresholds),
        "collapse_edges.csv": agreement.tabulate_edges(records),
    }
    known_epochs = known_accuracies.tabulate_epochs(records)
    if len(known_epochs):
        known = known_accuracies.tabulate(records)
        rows = prediction.tabulate(final, epochs, known, known_epochs)
        outputs["collapse_prediction.csv"] = rows
    if records:
        outputs["collapse.png"] = figures.draw_final(final, looks)
    if len(epochs):
        outputs["collapse_epochs.png"] = figures.draw_epochs(epochs, final, looks)
        outputs["collapse_signals.png"] = signals.draw(epochs, looks)
    return outputs
