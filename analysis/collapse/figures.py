"""Figures of collapse: what was selected at the end, and how it came to that by epoch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from analysis.common import operations, plots
from analysis.common.statistics import interval
from analysis.common.trials import Record, StudyFacts, all_labels, datasets_of, genotype, labels_of
from analysis.leaderboard.notes import interval_sentence

INDEX_TITLES = {
    "entropy": "Entropy of operation types\n(fraction of its maximum)",
    "parameter_free_share": "Parameter-free operations\n(fraction of edges)",
    "most_frequent_share": "Most frequent operation\n(fraction of edges)",
}


def cell_title(key: str) -> str:
    """What a figure calls a cell key."""
    known = {"normal": "normal cell", "reduce": "reduction cell", operations.BOTH: "all cells"}
    return known.get(key, f"cell {key}")


def final(path: Path, table: pd.DataFrame, records: Sequence[Record], study: StudyFacts) -> Path:
    """Mean shares of each operation by method and cell, and the three indices by trial."""
    labels, datasets = labels_of(records, study), datasets_of(records, study)
    everyone = all_labels(records, study)
    keys = _cells_shown(records)
    names = [column[6:] for column in table.columns if column.startswith("share_")]
    row = 0.9 + 0.42 * len(labels)
    with plots.style():
        made = plots.figure(10.5, 0.7 + len(datasets) * (2 * row + 1.5))
        blocks = made.subfigures(len(datasets), 1, squeeze=False)[:, 0]
        for block, dataset in zip(blocks, datasets, strict=True):
            part = table[table["dataset"] == dataset]
            block.suptitle(f"Data set {dataset}", fontsize=11, weight="bold")
            above, below = block.subfigures(2, 1, height_ratios=[row + 0.75, row])
            heat = above.subplots(1, len(keys), sharey=True, squeeze=False)[0]
            for axes, key in zip(heat, keys, strict=True):
                _shares(axes, part[part["cell"] == key], labels, names)
                axes.set_title(f"Edges of the {cell_title(key)} by operation, %")
            for axes, index in zip(below.subplots(1, 3, sharey=True), INDEX_TITLES, strict=True):
                _index(axes, part[part["cell"] == operations.BOTH], index, labels, everyone)
        plots.caption(
            made,
            "Above: mean over seeds of each operation's share of the selected edges; operations "
            "right of the line are parameter-free. Below, over all cells: hollow is a trial, "
            f"filled the mean over seeds with its 95 % interval as a bar. {interval_sentence()}",
        )
        return plots.save(made, path)


def timelines(
    path: Path,
    epochs: pd.DataFrame,
    table: pd.DataFrame,
    records: Sequence[Record],
    study: StudyFacts,
) -> Path:
    """Entropy of the genotype that would be selected, by epoch: a panel a (data set, cell key)."""
    labels, datasets = labels_of(records, study), datasets_of(records, study)
    everyone = all_labels(records, study)
    keys = _cells_shown(records)
    keys = keys if keys == [operations.BOTH] else [*keys, operations.BOTH]
    with plots.style():
        made = plots.figure(max(6.0, 3.5 * len(keys)), 1.1 + 2.7 * len(datasets))
        grid = made.subplots(len(datasets), len(keys), sharex=True, sharey=True, squeeze=False)
        for line, dataset in zip(grid, datasets, strict=True):
            for axes, key in zip(line, keys, strict=True):
                chosen = [
                    frame[(frame["dataset"] == dataset) & (frame["cell"] == key)]
                    for frame in (epochs, table)
                ]
                _timeline(axes, chosen[0], chosen[1], labels, everyone)
                axes.set_title(f"{plots.wrapped(dataset, 34)}\n{cell_title(key)}")
            line[0].set_ylabel("Entropy of operation types\n(fraction of its maximum)")
        for axes in grid[-1]:
            axes.set_xlabel("Search epoch")
            axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
        plots.legend_above(made, grid[0][0])
        plots.caption(
            made,
            "Lines: mean over seeds of the entropy of the genotype that would be selected after "
            "that epoch (0: one operation type; 1: every one equally often). Bands: 95 % interval "
            f"of that mean. {interval_sentence()} A level thin line is the final genotype of a "
            "method whose search has no genotypes by epoch.",
        )
        return plots.save(made, path)


def _cells_shown(records: Sequence[Record]) -> list[str]:
    """Up to two cell types have a panel each; more (one a position) are shown together."""
    keys = operations.cell_keys(genotype(record) for record in records)
    return keys if len(keys) <= 2 else [operations.BOTH]


def _shares(axes: Axes, part: pd.DataFrame, labels: Sequence[str], names: Sequence[str]) -> None:
    means = part.groupby("method")[[f"share_{name}" for name in names]].mean()
    percent = 100 * means.reindex(list(labels)).set_axis(list(names), axis=1)
    plots.percentages(axes, percent)
    boundary = sum(name not in operations.PARAMETER_FREE for name in names)
    axes.axvline(boundary, color="black", lw=1)


def _index(
    axes: Axes, part: pd.DataFrame, index: str, labels: Sequence[str], everyone: Sequence[str]
) -> None:
    values = {label: list(part.loc[part["method"] == label, index]) for label in labels}
    plots.points_by_method(axes, values, everyone)
    axes.set_xlim(-0.04, 1.04)
    axes.set_xlabel(INDEX_TITLES[index])


def _timeline(
    axes: Axes,
    part: pd.DataFrame,
    ends: pd.DataFrame,
    labels: Sequence[str],
    everyone: Sequence[str],
) -> None:
    colour, dash = plots.colours(everyone), plots.dashes(everyone)
    for label in labels:
        chosen = part[part["method"] == label].dropna(subset=["entropy"])
        if len(chosen):
            sns.lineplot(
                data=chosen,
                x="epoch",
                y="entropy",
                ax=axes,
                color=colour[label],
                linestyle=dash[label],
                label=label,
                legend=False,
                lw=1.8,
                errorbar=interval,
                err_kws={"alpha": 0.18, "lw": 0},
            )
        else:
            level = ends.loc[ends["method"] == label, "entropy"].mean()
            axes.axhline(level, color=colour[label], ls=dash[label], lw=1.2, label=label)
    axes.set(xlabel="", ylabel="", ylim=(-0.04, 1.04))
    axes.grid(axis="y")
