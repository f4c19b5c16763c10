"""How far each method's searches moved the architecture, below a leaderboard."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.common import text
from analysis.common.trials import group_by_method
from bench.records.parts import Architecture
from bench.records.schema import FinishedRecord

HEADINGS = (
    *("method", "data set", "seeds"),
    *("entropy at the end, % of its maximum", "rate factor", "sum of rates"),
)
EXPLANATION = (
    "A search whose architecture hardly moved says little about its method. Entropy is that of an"
    " edge's distribution over operations, mean over cell types and edges (100 %: uniform, nothing"
    " was learnt; empty: the method has no such distribution). The rate factor is what the paper's"
    " architecture learning rates were multiplied by: its steps over the search's, at most the"
    " study's rate_cap. With Adam the sum of rates over all steps is about the farthest that a"
    " parameter can come. Means over seeds."
)


def to_markdown(records: Sequence[FinishedRecord]) -> str:
    """The section of leaderboard.md; empty where no record says how far its search moved."""
    rows = []
    for (dataset, label), own in group_by_method(records).items():
        searches = {record.trial.search_id: record.search.architecture for record in own}
        moved = [one for one in searches.values() if one is not None]
        if moved:
            rows.append([label, dataset, str(len(moved)), *_describe(moved)])
    if not rows:
        return ""
    numeric = [False, False, True, True, True, True]
    table = text.format_table(HEADINGS, numeric, rows)
    return "\n".join(
        ["", "## How far the architectures moved", "", *table, "", text.escape(EXPLANATION), ""]
    )


def _describe(moved: Sequence[Architecture]) -> list[str]:
    """Mean entropy share, rate factor and sum of rates; entropy is empty unless all have one."""
    shares = [
        100 * one.entropy / one.maximum_entropy
        for one in moved
        if one.entropy is not None and one.maximum_entropy
    ]
    factor, rates = (
        sum(values) / len(moved)
        for values in ([m.rate_factor for m in moved], [m.sum_of_rates for m in moved])
    )
    share = f"{sum(shares) / len(shares):.1f}" if len(shares) == len(moved) else ""
    return [share, f"{factor:.3g}", f"{rates:.3g}"]
