"""Drawings of the cells that searches found."""

from __future__ import annotations

from matplotlib.figure import Figure

from analysis.cells.drawing import draw
from analysis.common.outputs import Outputs
from analysis.common.plots import Looks
from analysis.common.trials import name_accuracy
from bench.errors import ResultsError
from bench.records.schema import FinishedRecord


def make(record: FinishedRecord, looks: Looks) -> Outputs:
    """cells/<trial>.png of a record. Raises ResultsError where a cell is not valid."""
    return {f"cells/{record.trial.stem}.png": picture(record, looks)}


def picture(record: FinishedRecord, looks: Looks) -> Figure:
    """A record's cells, with its accuracy above. Raises ResultsError where a cell is not valid."""
    trial, accuracy = record.trial, 100 * record.evaluation.test.accuracy
    heading = (
        f"{trial.label}, {trial.dataset}, seed {trial.seed}: "
        f"{name_accuracy([record])} {accuracy:.2f} %"
    )
    if looks.has_failed(record):
        heading = f"{heading}; its search failed to train"
    try:
        return draw(record.architecture, heading)
    except ValueError as error:
        raise ResultsError(f"record {trial.stem}: {error}") from error
