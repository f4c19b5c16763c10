"""The posterior at the end of the search: what it dropped, and what its confidence was worth."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from analysis.common.outputs import Outputs
from analysis.common.plots import Looks
from analysis.common.posterior_tables import QUANTITIES
from analysis.common.trials import label_accuracy
from analysis.posterior import figures, tables
from bench.records.schema import FinishedRecord


def make(records: Sequence[FinishedRecord], posteriors: Path, looks: Looks) -> Outputs:
    """posterior.csv, _confidence.csv and _correlation.csv, and figures where there are values.

    posteriors: the folder of the records' posterior tables. A record without one is left out.
    """
    rows = tables.read_final(records, posteriors)
    points = tables.tabulate_confidence(rows, records)
    correlations = tables.correlate(points)
    outputs: dict[str, Any] = {
        "posterior.csv": tables.summarise(rows),
        "posterior_confidence.csv": points,
        "posterior_correlation.csv": correlations,
    }
    if rows[list(QUANTITIES)].notna().any(axis=None):
        outputs["posterior.png"] = figures.draw_histograms(rows, looks)
    if len(points):
        figure = figures.draw_confidence(points, correlations, label_accuracy(records), looks)
        outputs["posterior_confidence.png"] = figure
    return outputs
