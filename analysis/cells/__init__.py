"""Drawings of the cells that searches found."""

from __future__ import annotations

from analysis.cells.drawing import draw
from analysis.common.outputs import Outputs
from analysis.common.trials import name_accuracy
from bench.errors import ResultsError
from bench.records.schema import FinishedRecord


def make(record: FinishedRecord) -> Outputs:
    """cells/<trial>.png of a record. Raises ResultsError where a cell is not valid."""
    trial, accuracy = record.trial, 100 * record.evaluation.test.accuracy
    heading = (
        f"{trial.label}, {trial.dataset}, seed {trial.seed}: "
        f"{name_accuracy([record])} {accuracy:.2f} %"
    )
    try:
        return {f"cells/{trial.stem}.png": draw(record.architecture, heading)}
    except ValueError as error:
        raise ResultsError(f"record {trial.stem}: {error}") from error
