"""Figures of the posterior: what it dropped, and its confidence against accuracy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.common import plots
from analysis.common.plots import Looks
from analysis.common.rank_statistics import FEWEST_POINTS
from analysis.posterior.tables import PAIR, WITHIN

X, Y = PAIR
BINS = 24
DEAD_AT = 3.0
"""log_alpha from which on an operation is dead (Molchanov, Ashukha, Vetrov 2017)."""
FEWEST_BINNED = 20
"""Points from which on their quintiles are drawn."""
_TITLES = {
    "log_alpha": "log alpha (noise over signal)",
    "drop_probability": "Drop probability",
}


@plots.styled
def draw_histograms(rows: pd.DataFrame, looks: Looks) -> Figure:
    """A panel per (data set, method, quantity) that has values, from posterior rows."""
    parts = [
        (dataset, label, quantity, block.loc[block["method"] == label, quantity].dropna())
        for dataset, block in rows.groupby("dataset", sort=False)
        for label in looks.list_present(block)
        for quantity in _TITLES
    ]
    parts = [part for part in parts if len(part[-1])]
    figure, grid = plots.create_panels(
        len(parts), (4.2, 2.9), columns=3, least_width=6.5, margin=0.8
    )
    for axes, (dataset, label, quantity, values) in zip(grid, parts, strict=True):
        _draw_histogram(axes, quantity, values.to_numpy(), looks.colour(label))
        axes.set_title(f"{plots.wrap(looks.name(label), 30)}, {plots.wrap(str(dataset), 34)}")
    plots.add_caption(
        figure,
        "Every operation of every edge at the end of the search, all seeds together. The line "
        f"at log alpha = {DEAD_AT:g} is where an operation counts as dead by default (a "
        "method's option `threshold` may differ); a drop probability of 1 removes it."
        + looks.remark,
    )
    return figure


def _draw_histogram(axes: Axes, quantity: str, values: np.ndarray, colour: str) -> None:
    if quantity == "drop_probability":
        edges = np.linspace(0, 1, BINS + 1)
    else:
        low, high = min(values.min(), DEAD_AT - 1), max(values.max(), DEAD_AT + 1)
        edges = np.linspace(np.floor(low), np.ceil(high), BINS + 1)
        axes.axvline(DEAD_AT, color="black", lw=1, ls="--")
    axes.hist(values, edges.tolist(), color=colour, edgecolor="white", linewidth=0.5)
    axes.set(xlabel=_TITLES[quantity], ylabel="Operations")
    number = f"n = {len(values)}"
    axes.text(0.99, 0.97, number, ha="right", va="top", transform=axes.transAxes, fontsize=8.5)


@plots.styled
def draw_confidence(
    points: pd.DataFrame, correlations: pd.DataFrame, accuracy: str, looks: Looks
) -> Figure:
    """Confidence in the selected genotype against its accuracy.

    A panel per data set and group of methods.

    points, correlations: of `analysis.posterior.tables`; accuracy: what it is called.
    """
    blocks = list(points.groupby("dataset", sort=False))
    groups = looks.share_out(looks.list_present(points))
    figure, grid = plots.create_panels(
        len(groups) * len(blocks), (5.4, 4.8), columns=len(blocks), least_width=6.5, sharey="col"
    )
    parts = [(group, *block) for group in groups for block in blocks]
    for axes, (group, dataset, part) in zip(grid, parts, strict=True):
        rhos = {
            row["method"]: _describe(row)
            for row in correlations[correlations["dataset"] == dataset].to_dict("records")
        }
        for label in [label for label in looks.list_present(part) if label in group]:
            own = part[part["method"] == label]
            marker, colour = looks.marker(label), looks.colour(label)
            name = f"{looks.name(label)}: {rhos[label]}"
            axes.plot(own[X], own[Y], marker, ms=6, mfc="white", mec=colour, label=name)
            failed = own[looks.list_failed(own)]
            plots.cross_out(axes, failed[X].to_numpy(float), failed[Y].to_numpy(float), colour)
        _draw_quintiles(axes, part)
        axes.set_title(plots.wrap(str(dataset), 34))
        axes.set(xlabel="Posterior probability of the selected operations (mean)")
        axes.set_xlim(-0.03, 1.03)
        axes.grid()
        title = f"{WITHIN}: {rhos[WITHIN]}"
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=2, title=title)
    for line in plots.split_rows(grid, len(blocks)):
        line[0].set_ylabel(accuracy)
    plots.add_caption(
        figure,
        "A point is a trial: how probable its posterior holds each selected operation to be the "
        "best of its edge, on average, against the accuracy of the architecture. rho is "
        f"Spearman's, stated from {FEWEST_POINTS} points on; within methods it is that of the "
        "methods whose confidence varies, each centred. A method without uncertainty is certain "
        "(1) or indifferent. The grey line joins the means of quintiles of confidence, where there "
        f"are {FEWEST_BINNED} points or more, of all methods.{looks.remark}",
    )
    return figure


def _draw_quintiles(axes: Axes, points: pd.DataFrame) -> None:
    if len(points) < FEWEST_BINNED:
        return
    bins = pd.qcut(points[X].rank(method="first"), 5, labels=False)
    means = points.groupby(bins)[[X, Y]].mean()
    axes.plot(means[X], means[Y], "-", color=plots.GREY, lw=1.5, zorder=1)


def _describe(row: Mapping[Any, Any]) -> str:
    rho = "no rho" if pd.isna(row["spearman"]) else f"rho = {row['spearman']:+.2f}"
    return f"n = {int(row['points'])}, {rho}"
