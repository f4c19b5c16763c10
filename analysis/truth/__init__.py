"""Known accuracies of what was found, also by epoch: does a method drift?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from analysis.common import known_accuracies
from analysis.common.outputs import Outputs
from analysis.common.plots import Looks
from analysis.truth.figure import draw
from bench.records.schema import FinishedRecord


def make(records: Sequence[FinishedRecord], looks: Looks) -> Outputs:
    """truth.csv, truth_epochs.csv and truth.png, where accuracies were looked up at all."""
    final = known_accuracies.tabulate(records)
    if not len(final):
        return {}
    epochs = known_accuracies.tabulate_epochs(records)
    outputs: dict[str, Any] = {"truth.csv": final, "truth_epochs.csv": epochs}
    return outputs | ({"truth.png": draw(epochs, final, looks)} if len(epochs) else {})
