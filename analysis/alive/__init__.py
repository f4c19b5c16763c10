"""Operations alive by epoch: whether a prior empties the cell, or leaves it whole."""

from __future__ import annotations

from collections.abc import Iterable

from analysis.alive.figure import draw
from analysis.alive.table import tabulate
from analysis.common.outputs import Outputs
from analysis.common.plots import Looks
from bench.records.schema import FinishedRecord


def make(records: Iterable[FinishedRecord], looks: Looks) -> Outputs:
    """alive.csv and .png, where a method says how many operations are alive."""
    rows = tabulate(records)
    return {"alive.csv": rows, "alive.png": draw(rows, looks)} if len(rows) else {}
