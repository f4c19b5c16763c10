"""How sure networks are of their predictions: by their means, by draws of weights, by ensembles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from analysis.common.outputs import Outputs
from analysis.common.plots import Looks
from analysis.uncertainty import markdown
from analysis.uncertainty.figure import draw
from analysis.uncertainty.table import average, tabulate
from bench.records.schema import FinishedRecord


def make(records: Sequence[FinishedRecord], looks: Looks) -> Outputs:
    """uncertainty.md, uncertainty.csv, uncertainty_trials.csv and, where images were corrupted,
    uncertainty.png; nothing where no study measured it.
    """
    trials = tabulate(records)
    if not len(trials):
        return {}
    means = average(trials)
    outputs: dict[str, Any] = {
        "uncertainty.md": markdown.format_page(means, records),
        "uncertainty.csv": means,
        "uncertainty_trials.csv": trials,
    }
    if (trials["strength"] > 0).any():
        outputs["uncertainty.png"] = draw(trials, looks)
    return outputs
