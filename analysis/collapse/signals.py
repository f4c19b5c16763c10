"""Every signal of collapse along the search: by method, with a band over seeds."""

from __future__ import annotations

import math
from functools import partial

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.common import plots
from analysis.common.intervals import MEASURE_SENTENCE, summarise
from analysis.common.operations import BOTH
from analysis.common.plots import Looks

SHARE = (0.0, 1.0)
POSITIVE = (0.0, math.inf)
TITLES = {
    "skip_connects": ("Skip connections,\nnormal cell (number)", POSITIVE),
    "parameter_free_share": ("Parameter-free\n(fraction of edges)", SHARE),
    "most_frequent_share": ("Most frequent operation\n(fraction of edges)", SHARE),
    "depth": ("Depth of a cell\n(connections)", POSITIVE),
    "width": ("Width of a cell\n(cell channels)", POSITIVE),
    "architecture_entropy": ("Architecture entropy\n(fraction of its maximum)", SHARE),
    "discretisation_gap_points": ("Discretisation gap\n(points)", (-100.0, 100.0)),
    "dominant_eigenvalue": ("Dominant eigenvalue\nof the Hessian", (-math.inf, math.inf)),
}
"""Signal -> its title, and what it can be: its band is cut there."""
FULL_RANGE = ("parameter_free_share", "most_frequent_share")
"""Signals whose axis shows all that they can be."""
NORMAL = "normal"
SKIPS = "skip_connects"
SKIPS_OF_EVERY_CELL = "Skip connections,\nmean of the cells (number)"
"""The title where some method's cells differ by position: it has no normal cell of its own."""
COLUMNS = 3


@plots.styled
def draw(epochs: pd.DataFrame, looks: Looks) -> Figure:
    """A panel for each signal that some search left, a block per data set and group of methods."""
    values = {signal: _select(epochs, signal) for signal in TITLES}
    values = {signal: rows for signal, rows in values.items() if len(rows)}
    datasets = list(dict.fromkeys(epochs["dataset"]))
    lines = -(-len(values) // COLUMNS)
    groups = looks.share_out(looks.list_present(pd.concat(values.values())) if values else [])
    parts = [(dataset, group) for dataset in datasets for group in groups]
    names = [dataset for dataset, _ in parts]
    figure, blocks = plots.create_blocks(
        names, 0.3 + 2.3 * lines, 1.2, 10.5 + 2 * (len(groups) > 1)
    )
    rows_of_panels = []
    for block, (dataset, group) in zip(blocks, parts, strict=True):
        grid = block.subplots(lines, COLUMNS, sharex=True, squeeze=False).ravel()
        for axes, (signal, rows) in zip(grid, values.items(), strict=False):
            own = rows[(rows["dataset"] == dataset) & rows["method"].isin(group)]
            _draw_signal(axes, own, signal, looks)
            if signal == SKIPS and not _have_normal_cells(epochs):
                axes.set_ylabel(SKIPS_OF_EVERY_CELL)
        rows_of_panels.append(grid[: min(COLUMNS, len(values))].tolist())
        for number, axes in enumerate(grid):
            axes.set_visible(number < len(values))
            if len(values) - COLUMNS <= number < len(values):
                plots.label_epochs(axes)
                axes.tick_params(labelbottom=True)
                axes.xaxis.label.set_visible(True)
    plots.add_legends(figure, rows_of_panels, groups=len(groups))
    plots.add_caption(
        figure,
        "Lines are means over seeds, of what would be selected after that epoch, all cells "
        "together where no cell is named (depth and width: mean of the cells). Bands are the 95 % "
        f"interval of that mean. {MEASURE_SENTENCE} Methods that left no value by epoch have no "
        f"line.{looks.remark}",
    )
    return figure


def _select(epochs: pd.DataFrame, signal: str) -> pd.DataFrame:
    """The rows that have the signal, of the cells that it is shown of."""
    if signal != SKIPS:
        rows = epochs[epochs["cell"] == BOTH]
    elif _have_normal_cells(epochs):
        rows = epochs[epochs["cell"] == NORMAL]
    else:
        cells = epochs[epochs["cell"] != BOTH]
        keys = ["method", "dataset", "seed", "trial", "epoch"]
        rows = cells.groupby(keys, sort=False, as_index=False)[[signal]].mean()
    return rows.dropna(subset=[signal])


def _have_normal_cells(epochs: pd.DataFrame) -> bool:
    """Whether every method's cells are by type, so that its normal cell can be shown."""
    normal = set(epochs["method"][epochs["cell"] == NORMAL])
    return normal == set(epochs["method"])


def _draw_signal(axes: Axes, rows: pd.DataFrame, signal: str, looks: Looks) -> None:
    title, limits = TITLES[signal]
    for label in looks.list_present(rows):
        look = {"label": looks.name(label), "lw": 1.6, **looks.line(label)}
        own, measure = rows[rows["method"] == label], partial(summarise, within=limits)
        plots.draw_mean_by_epoch(axes, own, signal, summarise=measure, **look)
    if signal in FULL_RANGE:
        axes.set_ylim(-0.04, 1.04)
    axes.set(xlabel="", ylabel=title)
    axes.grid(axis="y")
