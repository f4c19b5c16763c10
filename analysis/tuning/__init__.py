"""What a tuning tried and what came of it, from its record alone (`bench.tuning.records`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from analysis.common.outputs import Outputs
from analysis.tuning import figures, markdown
from analysis.tuning.table import tabulate


def make(record: Mapping[str, Any]) -> Outputs:
    """tuning.md and .csv, history.png, importances.png, parallel.png, pareto.png (of two goals)."""
    groups = record["groups"]
    outputs: dict[str, Any] = {
        "tuning.md": markdown.format_page(record),
        "tuning.csv": tabulate(record),
        "history.png": figures.draw_history(groups),
    }
    if any(group["importances"] for group in groups):
        outputs["importances.png"] = figures.draw_importances(groups)
    outputs["parallel.png"] = figures.draw_parallel(groups)
    if len(record["objectives"]) > 1:
        outputs["pareto.png"] = figures.draw_pareto(groups)
    return outputs
