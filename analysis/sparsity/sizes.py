"""The figure of sizes: accuracy before and after the zeroing, and where the zeros are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import EngFormatter

from analysis.common import operations, plots
from analysis.common.intervals import MEASURE_SENTENCE
from analysis.common.plots import Looks


@plots.styled
def draw(trials: pd.DataFrame, layers: pd.DataFrame, accuracy: str, looks: Looks) -> Figure:
    """A block per data set, from `analysis.sparsity.tables`; accuracy: what it is called."""
    datasets, labels = list(dict.fromkeys(trials["dataset"])), looks.list_present(trials)
    height_below = 0.95 + 0.42 * len(labels)
    height_above = max(3.2, height_below)
    figure, parts = plots.create_blocks(datasets, height_above + 0.4 + height_below, 0.7)
    for part, dataset in zip(parts, datasets, strict=True):
        block = trials[trials["dataset"] == dataset]
        heights = [height_above, height_below]
        above, below = part.subfigures(2, 1, squeeze=False, height_ratios=heights).ravel()
        left, right = above.subplots(1, 2)
        _draw_arrows(left, block, labels, looks)
        left.set_ylabel(accuracy)
        percent = block.assign(nonzero_percent=100 * block["nonzero_ratio"].astype(float))
        plots.draw_points_by_method(right, percent, "nonzero_percent", labels, looks)
        right.set_xlim(-4, 104)
        right.set_xlabel("Non-zero parameters (% of all)")
        _draw_zeros(below, layers[layers["dataset"] == dataset], labels, looks)
    plots.add_caption(
        figure,
        "Above left, an arrow is a trial, from all parameters and the accuracy before the zeroing "
        "(hollow) to the non-zero parameters and the accuracy after it (filled); where nothing is "
        "zeroed the two coincide; colours and marks are as at the right. Above right, a hollow "
        "mark is a trial, a filled one the mean over seeds with its 95 % interval as a bar. "
        f"{MEASURE_SENTENCE} Below are zeros over parameters, means over seeds; grey where there "
        f"are no parameters.{looks.remark}",
    )
    return figure


def _draw_arrows(axes: Axes, block: pd.DataFrame, labels: Sequence[str], looks: Looks) -> None:
    for label in labels:
        own, colour = block[block["method"] == label], looks.colour(label)
        before = own[["parameters", "accuracy_before_percent"]].to_numpy(dtype=float)
        after = own[["nonzero_parameters", "accuracy_after_percent"]].to_numpy(dtype=float)
        for start, end in zip(map(tuple, before), map(tuple, after), strict=True):
            if start != end:
                arrow = {"arrowstyle": "-|>", "color": colour, "lw": 0.9, "alpha": 0.6}
                axes.annotate("", end, start, arrowprops=arrow)
        mark: dict[str, Any] = {"marker": looks.marker(label), "s": 32, "edgecolors": colour}
        axes.scatter(*before.T, facecolors="white", **mark)
        axes.scatter(*after.T, facecolors=colour, **mark)
        failed = after[looks.list_failed(own)]
        plots.cross_out(axes, failed[:, 0], failed[:, 1], colour)
    axes.set_xlabel("Parameters (number)")
    axes.set_xlim(0, 1.06 * max(block["parameters"].max(), 1))
    axes.xaxis.set_major_formatter(EngFormatter(sep=" "))
    axes.grid()


def _draw_zeros(
    figure: SubFigure, layers: pd.DataFrame, labels: Sequence[str], looks: Looks
) -> None:
    layers = layers[layers["parameters"] > 0]
    left, right = figure.subplots(1, 2, sharey=True)
    for axes, column, key in ((left, "part", _depth), (right, "operation", _kind)):
        keys = ["method", "seed", column]
        sums = layers.groupby(keys)[["zeros", "parameters"]].sum().reset_index()
        sums["share"] = 100 * sums["zeros"] / sums["parameters"]
        shares = sums.pivot_table(index="method", columns=column, values="share", aggfunc="mean")
        names = sorted(set(layers[column]), key=key)
        shares = shares.reindex(index=list(labels), columns=names).astype(float)
        plots.draw_heat_map(axes, shares.rename(index=looks.name))
    left.set_title("Zeros by part of the network, % of its parameters")
    right.set_title("Zeros by operation, % of its parameters")


def _depth(part: str) -> tuple[int, int, str]:
    """Sort key: what comes before the cells, the cells by number, what comes after."""
    if part.startswith("cell "):
        number = part.removeprefix("cell ")
        return 1, int(number) if number.isdigit() else 0, part
    return (0 if part.startswith("stem") else 2), 0, part


def _kind(operation: str) -> tuple[int, int, str]:
    """Sort key: the network's own layers as the data pass them, operations between them."""
    fixed = {"stem": 0, "preprocess": 1, "classifier": 4}
    between = 3 if operation in operations.PARAMETER_FREE else 2
    return fixed.get(operation, between), 0, operation
