"""Accuracy against non-zero parameters, over the thresholds of a method's zeroing."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter

from analysis.common import plots
from analysis.common.intervals import ACCURACY_SENTENCE, summarise_accuracies
from analysis.common.plots import Looks

X, Y = "nonzero_parameters", "test_accuracy_percent"


@plots.styled
def draw(points: pd.DataFrame, accuracy: str, looks: Looks) -> Figure:
    """A panel per data set and group of methods, a line per method with a band over seeds.

    accuracy: what it is called.
    """
    blocks = list(points.groupby("dataset", sort=False))
    groups = looks.share_out(looks.list_present(points))
    figure, grid = plots.create_panels(
        len(groups) * len(blocks), (4.8, 4.6), columns=len(blocks), least_width=6.5, sharey="col"
    )
    parts = [(group, *block) for group in groups for block in blocks]
    for axes, (group, dataset, block) in zip(grid, parts, strict=True):
        for label in [label for label in looks.list_present(block) if label in group]:
            _draw_method(axes, block[block["method"] == label], label, looks)
        axes.set_title(plots.wrap(str(dataset), 34))
        axes.set(xlabel="Non-zero parameters (number)")
        largest = float(block[["parameters", X]].to_numpy().max())
        axes.set_xlim(-0.02 * largest, 1.04 * largest)
        axes.xaxis.set_major_formatter(EngFormatter(sep=" "))
        axes.grid()
    lines = plots.split_rows(grid, len(blocks))
    for line in lines:
        line[0].set_ylabel(accuracy)
    plots.add_legends(figure, lines, groups=len(groups))
    plots.add_caption(
        figure,
        "Thick lines are means over seeds at each threshold of the method's zeroing, with the 95 % "
        "interval of that mean as a band; thin lines are the seeds. Filled is the threshold of the "
        "leaderboard's result. A method that zeroes nothing is a point with its interval. "
        f"{ACCURACY_SENTENCE}{looks.remark}",
    )
    return figure


def _draw_method(axes: Axes, part: pd.DataFrame, label: str, looks: Looks) -> None:
    colour, marker = looks.colour(label), looks.marker(label)
    look: dict[str, Any] = {"color": colour, "marker": marker}
    if part["threshold"].isna().all():
        summary, size = summarise_accuracies(part[Y].to_numpy()), part[X].mean()
        if summary.low is not None and summary.high is not None:
            axes.plot([size, size], [summary.low, summary.high], "-", color=colour, lw=2)
        axes.scatter(part[X], part[Y], s=12, facecolors="white", edgecolors=colour, marker=marker)
        failed = part[looks.list_failed(part)]
        plots.cross_out(axes, failed[X].to_numpy(float), failed[Y].to_numpy(float), colour)
        axes.plot([size], [summary.mean], ls="none", ms=7, label=looks.name(label), **look)
        return
    for _, trial in part.groupby("seed", sort=True):
        axes.plot(trial[X], trial[Y], "-", color=colour, lw=0.6, alpha=0.5)
    rows = [
        (
            threshold,
            level[X].mean(),
            level[Y].mean(),
            *summarise_accuracies(level[Y].to_numpy()).bounds,
        )
        for threshold, level in part.groupby("threshold", sort=True)
    ]
    means = pd.DataFrame(rows, columns=["threshold", "x", "y", "low", "high"]).sort_values("x")
    axes.fill_between(means["x"], means["low"], means["high"], color=colour, alpha=0.15, lw=0)
    axes.plot(means["x"], means["y"], lw=2, ms=5, mfc="white", label=looks.name(label), **look)
    failed = part[looks.list_failed(part) & part["used"].to_numpy(bool)]
    plots.cross_out(axes, failed[X].to_numpy(float), failed[Y].to_numpy(float), colour)
    used = means[means["threshold"].isin(part.loc[part["used"], "threshold"])]
    axes.plot(used["x"], used["y"], ls="none", ms=7, **look)
