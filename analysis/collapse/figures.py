"""Figures of collapse: what was selected at the end, and how it came to that by epoch."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from analysis.common import plots
from analysis.common.intervals import MEASURE_SENTENCE
from analysis.common.operations import BOTH, PARAMETER_FREE, name_cell
from analysis.common.plots import Looks

TITLES = {
    "entropy": "Entropy of operation types\n(fraction of its maximum)",
    "parameter_free_share": "Parameter-free operations\n(fraction of edges)",
    "most_frequent_share": "Most frequent operation\n(fraction of edges)",
}


@plots.styled
def draw_final(final: pd.DataFrame, looks: Looks) -> Figure:
    """Mean shares of each operation by method and cell, and the three indices by trial."""
    labels, datasets, keys = looks.list_present(final), _list_datasets(final), _list_cells(final)
    columns = [column for column in map(str, final.columns) if column.startswith("share_")]
    names = [column.removeprefix("share_") for column in columns]
    row = 0.9 + 0.42 * len(labels)
    figure, blocks = plots.create_blocks(datasets, 2 * row + 1.5, 0.7)
    for block, dataset in zip(blocks, datasets, strict=True):
        part = final[final["dataset"] == dataset]
        heights = [row + 0.75, row]
        above, below = block.subfigures(2, 1, squeeze=False, height_ratios=heights).ravel()
        heat = above.subplots(1, len(keys), sharey=True, squeeze=False)[0]
        for axes, key in zip(heat, keys, strict=True):
            means = part[part["cell"] == key].groupby("method")[columns].mean()
            means = means.reindex(labels).set_axis(names, axis=1)
            plots.draw_heat_map(axes, 100 * means.rename(index=looks.name))
            axes.axvline(sum(name not in PARAMETER_FREE for name in names), color="black", lw=1)
            cells = name_cell(key) if key == BOTH else f"the {name_cell(key)}"
            axes.set_title(f"Edges of {cells} by operation, %")
        whole = part[part["cell"] == BOTH]
        for axes, index in zip(below.subplots(1, 3, sharey=True), TITLES, strict=True):
            plots.draw_points_by_method(axes, whole, index, labels, looks)
            axes.set_xlim(-0.04, 1.04)
            axes.set_xlabel(TITLES[index])
    plots.add_caption(
        figure,
        "Above is the mean over seeds of each operation's share of the selected edges; operations "
        "right of the line are parameter-free. Below, over all cells, a hollow mark is a trial, "
        "a filled one the mean over seeds with its 95 % interval as a bar. "
        f"{MEASURE_SENTENCE}{looks.remark}",
    )
    return figure


@plots.styled
def draw_epochs(epochs: pd.DataFrame, final: pd.DataFrame, looks: Looks) -> Figure:
    """Entropy of the genotype that would be selected, by epoch.

    A row of panels per data set and group of methods, a panel per cell key and one of all cells.
    """
    datasets, keys = _list_datasets(final), _list_cells(final)
    keys = keys if keys == [BOTH] else [*keys, BOTH]
    groups = looks.share_out(looks.list_present(final))
    parts = [(dataset, group) for dataset in datasets for group in groups]
    width = 3.5 * len(keys) + 2.0 * (len(groups) > 1)
    figure = plots.create(max(6.0, width), 1.1 + 2.7 * len(parts))
    grid = figure.subplots(len(parts), len(keys), sharex=True, sharey=True, squeeze=False)
    for line, (dataset, labels) in zip(grid, parts, strict=True):
        for axes, key in zip(line, keys, strict=True):
            along, ends = (
                frame[(frame["dataset"] == dataset) & (frame["cell"] == key)]
                for frame in (epochs, final)
            )
            plots.draw_methods_by_epoch(axes, along, ends, "entropy", labels, looks)
            axes.set_ylim(-0.04, 1.04)
            axes.set_title(f"{plots.wrap(dataset, 34)}\n{name_cell(key)}")
        line[0].set_ylabel(TITLES["entropy"])
    for axes in grid[-1]:
        plots.label_epochs(axes)
    plots.add_legends(figure, grid.tolist(), groups=len(groups))
    plots.add_caption(
        figure,
        "Lines are the mean over seeds of the entropy of the genotype that would be selected after "
        "that epoch (0: one operation type; 1: every one equally often), bands the 95 % interval "
        f"of that mean. {MEASURE_SENTENCE} A level thin line is the final genotype of a "
        f"method whose search has no genotypes by epoch.{looks.remark}",
    )
    return figure


def _list_datasets(final: pd.DataFrame) -> list[str]:
    return list(dict.fromkeys(final["dataset"]))


def _list_cells(final: pd.DataFrame) -> list[str]:
    """Up to two cell types have a panel each; more (one per position) are shown together."""
    keys = sorted(set(final["cell"]) - {BOTH})
    return keys if len(keys) <= 2 else [BOTH]
