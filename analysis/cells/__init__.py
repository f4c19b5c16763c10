"""Drawings of the cells that searches found."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from analysis.cells.drawing import draw
from analysis.common.outputs import Outputs
from analysis.common.plots import Looks
from analysis.common.trials import (
    average_accuracy,
    group_by_method,
    name_accuracy,
    name_method,
)
from bench import files
from bench.errors import ResultsError
from bench.records.schema import FinishedRecord

MOST = 6
"""Records up to which every cell is drawn: a drawing takes a tenth of a second and 60 KB."""


def choose(records: Sequence[FinishedRecord]) -> list[FinishedRecord]:
    """The records whose cells are drawn: all, or of more than `MOST` those of the first seeds.

    The first ones of every method on every data set, as many of each.
    """
    if len(records) <= MOST:
        return list(records)
    groups = group_by_method(records)
    each = max(1, MOST // len(groups))
    return [record for own in groups.values() for record in own[:each]]


_DRAWING = re.compile(r".+-s\d+-[0-9a-f]{8}\.(png|svg|pdf)")


def remove_others(folder: Path, records: Sequence[FinishedRecord]) -> None:
    """Remove drawings in cells/ that are of none of these records: of trials that are no more.

    Other files there stay. Raises ResultsError where one cannot be removed.
    """
    drawn = {record.trial.stem for record in choose(records)}
    for path in sorted((folder / "cells").glob("*")):
        if _DRAWING.fullmatch(path.name) and path.stem not in drawn:
            files.remove(path)


def make(record: FinishedRecord, looks: Looks) -> Outputs:
    """cells/<trial>.png of a record. Raises ResultsError where a cell is not valid."""
    return {f"cells/{record.trial.stem}.png": picture(record, looks)}


def picture(record: FinishedRecord, looks: Looks) -> Figure:
    """A record's cells, with its accuracy above. Raises ResultsError where a cell is not valid."""
    trial, accuracy = record.trial, average_accuracy(record)
    heading = (
        f"{name_method(record)}, {trial.dataset}, seed {trial.seed}: "
        f"{name_accuracy([record])} {accuracy:.2f} %"
    )
    if looks.has_failed(record):
        heading = f"{heading}; its search failed to train"
    try:
        return draw(record.architecture, heading)
    except ValueError as error:
        raise ResultsError(f"record {trial.stem}: {error}") from error
