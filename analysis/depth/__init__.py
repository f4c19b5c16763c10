"""Does the ranking of cells in small networks hold in deeper or wider ones?

For studies that evaluate the same cells at several depths (evaluation.cells) or widths
(evaluation.channels). VINNAS names deeper models as not explored.
"""

from __future__ import annotations

from collections.abc import Iterable

from analysis.common.outputs import Outputs
from analysis.common.plots import Looks
from analysis.depth.figure import draw
from analysis.depth.sentences import describe, format_page
from analysis.depth.table import correlate, tabulate
from bench.records.facts import StudyFacts
from bench.records.schema import FinishedRecord

__all__ = ["describe", "make"]


def make(records: Iterable[FinishedRecord], looks: Looks, facts: StudyFacts) -> Outputs:
    """depth_cells.csv, depth.csv, depth.md and depth.png, where cells have several scales."""
    cells = tabulate(records)
    pairs = correlate(cells)
    if not len(pairs):
        return {}
    return {
        "depth.md": format_page(pairs, facts),
        "depth.csv": pairs,
        "depth_cells.csv": cells,
        "depth.png": draw(cells, pairs, looks),
    }
