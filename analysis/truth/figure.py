"""The known accuracy of what would have been selected, by epoch, and of the final selections."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from analysis.common import known_accuracies, plots
from analysis.common.intervals import ACCURACY_SENTENCE, summarise_accuracies
from analysis.common.plots import Looks

Y = "accuracy_percent"
LEAST_SPAN = 1.0
"""No axis of accuracies shows less than this, points."""
_CAPTION = (
    "Above, lines are the mean over seeds of the known accuracy of what would be selected after"
    " that epoch. The axis shows where the means are in the last half of the search; what lies"
    " further off is cut. A level thin line is the final selection of a method whose search has no"
    " selections by epoch. Below are the final selections: a hollow mark is a trial, a filled one"
    " the mean over seeds with its 95 % interval as"
    f" a bar, cut where it leaves the range of the trials. {ACCURACY_SENTENCE}"
)


@plots.styled
def draw(epochs: pd.DataFrame, final: pd.DataFrame, looks: Looks) -> Figure:
    """For each data set of the table: mean over seeds by epoch, and below the final selections."""
    tables, labels = list(final.groupby("table", sort=False)), looks.list_present(final)
    groups = looks.share_out(labels)
    heights = [3.0] * len(groups) + [0.7 + 0.36 * len(labels)]
    width = 4.0 * len(tables) + 2.0 * (len(groups) > 1)
    figure = plots.create(max(6.5, width), 1.1 + sum(heights))
    grid = figure.subplots(len(heights), len(tables), height_ratios=heights, squeeze=False)
    for column, (name, ends) in enumerate(tables):
        along = epochs[epochs["table"] == name]
        for axes, group in zip(grid[:-1, column], groups, strict=True):
            plots.draw_methods_by_epoch(axes, along, ends, Y, group, looks, bands=False)
            axes.set_ylim(*choose_limits(_list_late_means(along, ends)))
            plots.label_epochs(axes)
        points, own = grid[-1, column], looks.list_present(ends)
        plots.draw_points_by_method(points, ends, Y, own, looks, summarise=summarise_accuracies)
        points.set_xlim(*choose_limits(ends[Y]))
        points.set_xlabel("Known accuracy of the final selection, %")
        points.tick_params(labelleft=column == 0 or own != labels)
        cells = known_accuracies.name_cells(ends)
        partial = "" if cells == "all cells" else f"\n{cells}"
        grid[0, column].set_title(f"{name} ({ends['split'].iloc[0]}){partial}")
    for line in grid[:-1]:
        line[0].set_ylabel("Known accuracy of the selection, %")
    plots.add_legends(figure, grid[:-1].tolist(), groups=len(groups))
    plots.add_caption(figure, _CAPTION + looks.remark)
    return figure


def choose_limits(values: pd.Series) -> tuple[float, float]:
    """The ends of an axis of percentages that shows these values and little else."""
    low, high = float(values.min()), float(values.max())
    spare = max(0.0, LEAST_SPAN - (high - low)) / 2 + 0.08 * max(high - low, LEAST_SPAN)
    return max(0.0, low - spare), min(100.0, high + spare)


def _list_late_means(epochs: pd.DataFrame, final: pd.DataFrame) -> pd.Series:
    """Means over seeds of each epoch of the last half, and of the final selections."""
    late = epochs[epochs["epoch"] > epochs["epoch"].max() / 2]
    means = [late.groupby(["method", "epoch"])[Y].mean(), final.groupby("method")[Y].mean()]
    return pd.concat([part.reset_index(drop=True) for part in means])
