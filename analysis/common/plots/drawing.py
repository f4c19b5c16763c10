"""What several figures draw: means by epoch, points by method, heat maps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from analysis.common.intervals import Summarise, summarise
from analysis.common.plots.looks import Looks
from analysis.common.plots.style import label_methods, wrap

MOST_ANNOTATED = 14
"""With more columns than this a heat map's numbers are not readable; a colour bar replaces them."""


def draw_mean_by_epoch(
    axes: Axes,
    rows: pd.DataFrame,
    column: str,
    *,
    summarise: Summarise = summarise,
    **look: Any,
) -> None:
    """The mean of a column over the seeds of each epoch, with its 95 % interval as a band.

    `summarise`: of measures or of accuracies; `look`: how the line is drawn.
    """
    groups = [(epoch, part[column].to_numpy(float)) for epoch, part in rows.groupby("epoch")]
    epochs = np.array([epoch for epoch, _ in groups])
    axes.plot(epochs, [values.mean() for _, values in groups], **look)
    low, high = zip(*(summarise(values).bounds for _, values in groups), strict=True)
    axes.fill_between(epochs, low, high, color=look["color"], alpha=0.15, lw=0)


def draw_methods_by_epoch(
    axes: Axes,
    epochs: pd.DataFrame,
    ends: pd.DataFrame,
    column: str,
    labels: Sequence[str],
    looks: Looks,
    *,
    bands: bool = True,
) -> None:
    """A line for each method: its mean by epoch or, without rows by epoch, a level of its ends.

    bands: with the 95 % interval of each mean.
    """
    for label in labels:
        own = epochs[epochs["method"] == label].dropna(subset=[column])
        if len(own):
            look = {"label": looks.name(label), "lw": 1.6, **looks.line(label)}
            if bands:
                draw_mean_by_epoch(axes, own, column, **look)
            else:
                means = own.groupby("epoch")[column].mean()
                axes.plot(means.index, means, **look)
        else:
            level = ends.loc[ends["method"] == label, column].mean()
            axes.axhline(level, label=looks.name(label), lw=1.0, **looks.line(label))
    axes.grid(axis="y")


def draw_points_by_method(
    axes: Axes,
    rows: pd.DataFrame,
    column: str,
    labels: Sequence[str],
    looks: Looks,
    *,
    summarise: Summarise = summarise,
) -> None:
    """One row per method: hollow, its trials; filled, above them, their mean with its interval.

    rows: a row per trial; labels: of the rows from the top; `summarise`: of measures or of
    accuracies. Trials of one value are stacked, so that each can be counted; those whose search
    failed to train are crossed out.
    """
    for place, label in enumerate(labels):
        own = rows[rows["method"] == label].dropna(subset=[column]).sort_values(column)
        numbers, failed = own[column].to_numpy(float), looks.list_failed(own)
        colour, marker = looks.colour(label), looks.marker(label)
        above = own.groupby(column).cumcount().to_numpy(float)
        step = min(0.12, 0.36 / (1 + above.max(initial=0)))  # stacks end in their row
        heights = place + 0.12 + step * above
        axes.plot(numbers, heights, marker, ms=5, mfc="white", mec=colour, ls="none")
        cross_out(axes, numbers[failed], heights[failed], colour)
        if len(numbers):
            summary = summarise(numbers)
            if summary.low is not None and summary.high is not None:
                ends = [summary.low, summary.high]
                axes.plot(ends, [place - 0.17] * 2, "-", lw=2, color=colour, solid_capstyle="butt")
            axes.plot([summary.mean], [place - 0.17], marker, ms=6, color=colour)
    label_methods(axes, [looks.name(label) for label in labels])


def cross_out(axes: Axes, x: np.ndarray, y: np.ndarray, colour: str) -> None:
    """Cross marks out, of trials whose search failed to train."""
    if len(x):
        axes.plot(x, y, "x", ms=9, mew=1.4, color=colour, ls="none")


def draw_heat_map(axes: Axes, values: pd.DataFrame) -> None:
    """A heat map of percentages, one row per method, with its numbers; NaN is grey."""
    columns = [str(name) for name in values.columns]
    annotated = len(columns) <= MOST_ANNOTATED
    axes.set_facecolor("#E6E6E6")
    grid = np.ma.masked_invalid(values.to_numpy(dtype=float))
    mesh = axes.pcolormesh(grid, vmin=0, vmax=100, cmap="Blues", edgecolors="white", linewidth=1)
    axes.set_ylim(len(values), 0)
    axes.spines[:].set_visible(False)
    if not annotated:
        axes.figure.colorbar(mesh, ax=axes, label="%", shrink=0.6, aspect=15)
    for row, column in np.argwhere(~np.ma.getmaskarray(grid)) if annotated else ():
        number = float(grid[row, column])
        ink = "white" if number > 55 else "black"
        text = f"{number:.0f}"
        axes.text(column + 0.5, row + 0.5, text, ha="center", va="center", fontsize=8.5, color=ink)
    step = 1 if annotated else 2
    ticks = [index + 0.5 for index in range(0, len(columns), step)]
    axes.set_xticks(ticks, columns[::step], rotation=35, ha="right", rotation_mode="anchor")
    rows = [wrap(str(label)) for label in values.index]
    axes.set_yticks([index + 0.5 for index in range(len(rows))], rows, rotation=0)
    axes.set(xlabel="", ylabel="")
    axes.tick_params(length=0)
