"""Figures of candidates: guided against uniform, inherited against retrained accuracy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.common import plots
from analysis.common.plots import Looks

COLOURS = {"guided": plots.OKABE_ITO[0], "uniform": plots.OKABE_ITO[1]}
MARKS = {"guided": "o", "uniform": "^"}
BINS = 25


@plots.styled
def draw_distribution(rows: pd.DataFrame, looks: Looks) -> Figure:
    """A row per (data set, method): histograms over all seeds; each trial's mean and spread."""
    blocks = [
        (f"{looks.name(label)} on {dataset}", block[block["method"] == label])
        for dataset, block in rows.groupby("dataset", sort=False)
        for label in looks.list_present(block)
    ]
    figure = plots.create(10.5, 1.0 + 2.7 * len(blocks))
    grid = figure.subplots(len(blocks), 2, sharex="row", squeeze=False)
    for (left, right), (title, block) in zip(grid, blocks, strict=True):
        _draw_histograms(left, block)
        _draw_trials(right, block, looks)
        left.set_title(plots.wrap(title, 48), loc="left")
    for axes in grid[-1]:
        axes.set_xlabel("Validation accuracy with inherited weights (%)")
    figure.legend(*grid[0][0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    plots.add_caption(
        figure,
        "Candidates are drawn from the learned posterior (guided) and uniformly at the same "
        "expected size. The left shows the share in each bin, all seeds together, the right each "
        "trial's candidates as points, their mean as a bar and one standard deviation as a line."
        + looks.remark,
    )
    return figure


def _draw_histograms(axes: Axes, part: pd.DataFrame) -> None:
    values = part["inherited_percent"]
    low, high = float(values.min()), float(values.max())
    edges = np.linspace(low, max(high, low + 1), BINS + 1).tolist()
    for kind, colour in COLOURS.items():
        own = part.loc[part["drawn"] == kind, "inherited_percent"]
        share = np.full(len(own), 100 / max(len(own), 1))
        look: dict[str, Any] = {"histtype": "stepfilled", "alpha": 0.45, "color": colour}
        axes.hist(own, edges, weights=share, label=kind, **look)
    axes.set_ylabel("Candidates (%)")
    axes.grid(axis="y")


def _draw_trials(axes: Axes, part: pd.DataFrame, looks: Looks) -> None:
    seeds = sorted(set(part["seed"]))
    for row, seed in enumerate(seeds):
        for offset, kind in ((-0.2, "guided"), (0.2, "uniform")):
            own = (part["seed"] == seed) & (part["drawn"] == kind)
            values = part.loc[own, "inherited_percent"].to_numpy(dtype=float)
            if not len(values):
                continue
            height, colour = row + offset, COLOURS[kind]
            look: dict[str, Any] = {"color": colour, "marker": MARKS[kind], "s": 14, "lw": 0}
            opacity = min(0.6, 20 / len(values))
            axes.scatter(values, np.full(len(values), height), alpha=opacity, **look)
            mean, spread = float(values.mean()), float(values.std())
            axes.plot([mean - spread, mean + spread], [height - 0.13] * 2, color=colour, lw=1.6)
            axes.plot([mean] * 2, [height - 0.2, height - 0.06], color=colour, lw=2.4)
    failed = set(part.loc[looks.list_failed(part), "seed"])
    names = [f"seed {seed}{f' {plots.DAGGER}' if seed in failed else ''}" for seed in seeds]
    plots.label_methods(axes, names)


@plots.styled
def draw_inheritance(rows: pd.DataFrame, correlations: pd.DataFrame, looks: Looks) -> Figure:
    """A panel per trial with retrained candidates: inherited against retrained accuracy."""
    trials = list(correlations.groupby("trial", sort=False))
    figure, panels = plots.create_panels(
        len(trials), (4.2, 3.7), columns=3, least_width=5.5, margin=1.2
    )
    for axes, (trial, own) in zip(panels, trials, strict=True):
        part = rows[rows["trial"] == trial].dropna(subset=["retrained_percent"])
        by_kind = own.set_index("drawn")
        for kind, colour in COLOURS.items():
            drawn = part[part["drawn"] == kind]
            pair = (drawn["inherited_percent"], drawn["retrained_percent"])
            label = f"{kind} {_describe(by_kind, kind)}"
            axes.scatter(*pair, color=colour, marker=MARKS[kind], s=24, alpha=0.8, label=label)
        first = part.iloc[0]
        title = f"{first['method']} on {first['dataset']}, seed {first['seed']}"
        if looks.list_failed(part.head(1)).any():
            title = f"{title} {plots.DAGGER}"
        axes.set_title(f"{plots.wrap(title, 44)}\nall together {_describe(by_kind, 'both')}")
        axes.set_xlabel("Inherited accuracy (%)")
        axes.set_ylabel("Retrained accuracy (%)")
        axes.grid()
        axes.legend(loc="best", fontsize=7.5, frameon=True, framealpha=0.8, edgecolor="none")
    plots.add_caption(
        figure,
        "Accuracies of candidates with the super-network's weights and after a training from "
        "scratch, both on validation images. In brackets is Spearman's rank correlation with its "
        "95 % percentile bootstrap interval over candidates; the ceiling is what the noise of "
        "trainings leaves of a correlation. In a study of known accuracies the trainings are those "
        "of the table." + looks.remark,
    )
    return figure


def _describe(correlations: pd.DataFrame, kind: str) -> str:
    if kind not in correlations.index:
        return ""
    row = correlations.loc[kind]
    if pd.isna(row["spearman"]):
        return "(no rank correlation: one side is constant)"
    limit = "" if pd.isna(row["ceiling"]) else f", ceiling {row['ceiling']:.2f}"
    return f"({row['spearman']:.2f}, {row['low']:.2f} to {row['high']:.2f}{limit})"
