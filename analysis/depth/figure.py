"""Accuracies of cells at a small scale against those at a large one."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from analysis.common import plots
from analysis.common.plots import Looks
from analysis.depth.table import ALL_DATASETS, AXES


@plots.styled
def draw(cells: pd.DataFrame, pairs: pd.DataFrame, looks: Looks) -> Figure:
    """A panel per data set and pair of depths or widths, a point per genotype.

    cells, pairs: the rows of `analysis.depth.table.tabulate` and `correlate`.
    """
    shown = pairs[pairs["dataset"] != ALL_DATASETS].to_dict("records")
    figure, panels = plots.create_panels(
        len(shown), (3.6, 3.5), columns=3, least_width=5.5, margin=1.2
    )
    for axes, row in zip(panels, shown, strict=True):
        axis = row["varied"]
        (other,) = (name for name in AXES if name != axis)
        own = cells[(cells["dataset"] == row["dataset"]) & (cells[other] == row["fixed"])]
        for label in looks.list_present(own):
            wide = own[own["method"] == label].pivot_table(
                "test_accuracy_percent", "genotype", axis, sort=False
            )
            wide = wide.reindex(columns=[row["small"], row["large"]]).dropna()
            look: dict[str, Any] = {"color": looks.colour(label), "ls": "none", "ms": 5.5}
            points = (wide[row["small"]], wide[row["large"]])
            axes.plot(*points, looks.marker(label), label=looks.name(label), **look)
        axes.set_title(f"{plots.wrap(row['dataset'], 40)}\n{_describe(row)}")
        axes.set_xlabel(f"Test accuracy at {row['small']} {axis} (%)")
        axes.set_ylabel(f"Test accuracy at {row['large']} {axis} (%)")
        axes.grid()
    plots.add_legend_above(figure, panels)
    plots.add_caption(
        figure,
        "Each point is a genotype, its accuracies the means over its trainings. In the titles are"
        " Kendall's tau and its 95 % percentile bootstrap interval over genotypes." + looks.remark,
    )
    return figure


def _describe(row: dict[Any, Any]) -> str:
    if pd.isna(row["kendall"]):
        return "no rank correlation"
    return f"tau {row['kendall']:.2f} ({row['kendall_low']:.2f} to {row['kendall_high']:.2f})"
