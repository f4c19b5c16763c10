"""The leaderboard: which method found the best networks, how sure that is, and what it cost.

The data frame is made in `table`, its columns as people read them in `columns`, the remarks below
it in `notes`, all of that together in `content`, the file formats in `formats`. How far the
architectures moved stands below the Markdown alone: `movement`.
"""

from __future__ import annotations

from collections.abc import Sequence

from analysis.common.operations import CollapseThresholds
from analysis.common.outputs import Outputs
from analysis.leaderboard import formats, latex, movement
from analysis.leaderboard.content import build
from bench.records.facts import StudyFacts
from bench.records.schema import FinishedRecord


def make(
    records: Sequence[FinishedRecord],
    facts: StudyFacts,
    thresholds: CollapseThresholds,
    columns: Sequence[str] = (),
) -> Outputs:
    """leaderboard.md, .csv, .tex and .html of ordered records.

    columns: of the LaTeX table. Raises ConfigurationError where there is no such column.
    """
    leaderboard = build(records, facts, thresholds)
    return {
        "leaderboard.md": formats.to_markdown(leaderboard) + movement.to_markdown(records),
        "leaderboard.csv": leaderboard.rows,
        "leaderboard.tex": latex.to_latex(leaderboard, columns),
        "leaderboard.html": formats.to_html(leaderboard),
    }
