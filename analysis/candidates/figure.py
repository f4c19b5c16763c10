"""Figures of candidates: guided against uniform, inherited against retrained accuracy."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from analysis.common import plots
from analysis.common.trials import Record, StudyFacts, all_labels, datasets_of

COLOURS = {"guided": plots.OKABE_ITO[0], "uniform": plots.OKABE_ITO[1]}
MARKS = {"guided": "o", "uniform": "^"}
BINS = 25


def distribution(
    path: Path, table: pd.DataFrame, records: Sequence[Record], study: StudyFacts
) -> Path:
    """A row a (data set, method): histograms over all seeds; each trial's mean and spread."""
    groups = [
        (dataset, label)
        for dataset in datasets_of(records, study)
        for label in all_labels(records, study)
        if ((table["dataset"] == dataset) & (table["method"] == label)).any()
    ]
    with plots.style():
        made = plots.figure(10.5, 1.0 + 2.7 * len(groups))
        grid = made.subplots(len(groups), 2, sharex="row", squeeze=False)
        for (left, right), (dataset, label) in zip(grid, groups, strict=True):
            part = table[(table["dataset"] == dataset) & (table["method"] == label)]
            _histograms(left, part)
            _trials(right, part)
            left.set_title(plots.wrapped(f"{label} on {dataset}", 48), loc="left")
        for axes in grid[-1]:
            axes.set_xlabel("Validation accuracy with inherited weights (%)")
        made.legend(*grid[0][0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
        plots.caption(
            made,
            "Candidates drawn from the learned posterior (guided) and uniformly at the same "
            "expected size. Left: all seeds together, share in each bin. Right: each trial's "
            "candidates as points, their mean as a bar and one standard deviation as a line.",
        )
        return plots.save(made, path)


def _histograms(axes: Axes, part: pd.DataFrame) -> None:
    values = part["inherited_percent"]
    low, high = float(values.min()), float(values.max())
    edges = np.linspace(low, max(high, low + 1), BINS + 1).tolist()
    for kind, colour in COLOURS.items():
        chosen = part.loc[part["drawn"] == kind, "inherited_percent"]
        share = np.full(len(chosen), 100 / max(len(chosen), 1))
        axes.hist(
            chosen,
            list(edges),
            weights=share,
            color=colour,
            histtype="stepfilled",
            alpha=0.45,
            label=kind,
        )
    axes.set_ylabel("Candidates (%)")
    axes.grid(axis="y")


def _trials(axes: Axes, part: pd.DataFrame) -> None:
    seeds = sorted(set(part["seed"]))
    ticks = []
    for row, seed in enumerate(seeds):
        for offset, kind in ((-0.2, "guided"), (0.2, "uniform")):
            mine = (part["seed"] == seed) & (part["drawn"] == kind)
            values = part.loc[mine, "inherited_percent"].to_numpy(dtype=float)
            if not len(values):
                continue
            height, colour = row + offset, COLOURS[kind]
            axes.scatter(
                values,
                np.full(len(values), height),
                s=14,
                color=colour,
                marker=MARKS[kind],
                alpha=min(0.6, 20 / len(values)),
                lw=0,
            )
            mean, spread = float(values.mean()), float(values.std())
            axes.plot([mean - spread, mean + spread], [height - 0.13] * 2, color=colour, lw=1.6)
            axes.plot([mean] * 2, [height - 0.2, height - 0.06], color=colour, lw=2.4)
        ticks.append(f"seed {seed}")
    axes.set_yticks(range(len(seeds)), ticks)
    axes.set_ylim(len(seeds) - 0.5, -0.5)
    axes.grid(axis="x")
    axes.tick_params(axis="y", length=0)


def inheritance(path: Path, table: pd.DataFrame, ranks: pd.DataFrame) -> Path:
    """A panel a trial with retrained candidates: inherited against retrained accuracy."""
    trials = list(ranks["trial"].drop_duplicates())
    columns = min(3, len(trials))
    lines = -(-len(trials) // columns)
    with plots.style():
        made = plots.figure(max(5.5, 4.2 * columns), 1.2 + 3.7 * lines)
        grid = made.subplots(lines, columns, squeeze=False)
        for axes in grid.flat[len(trials) :]:
            axes.set_visible(False)
        for axes, trial in zip(grid.flat, trials, strict=False):
            part = table[table["trial"] == trial].dropna(subset=["retrained_percent"])
            found = ranks[ranks["trial"] == trial].set_index("drawn")
            for kind, colour in COLOURS.items():
                chosen = part[part["drawn"] == kind]
                text = f"{kind} {_said(found, kind)}"
                pair = (chosen["inherited_percent"], chosen["retrained_percent"])
                axes.scatter(*pair, color=colour, marker=MARKS[kind], s=24, alpha=0.8, label=text)
            one = part.iloc[0]
            title = f"{one['method']} on {one['dataset']}, seed {one['seed']}"
            axes.set_title(f"{plots.wrapped(title, 44)}\nall together {_said(found, 'both')}")
            axes.set_xlabel("Inherited accuracy (%)")
            axes.set_ylabel("Retrained accuracy (%)")
            axes.grid()
            axes.legend(loc="best", fontsize=7.5, frameon=True, framealpha=0.8, edgecolor="none")
        plots.caption(
            made,
            "Candidates with the super-network's weights and after a training from scratch, both "
            "on validation images. In brackets Spearman's rank correlation with its 95 % "
            "percentile bootstrap interval over candidates.",
        )
        return plots.save(made, path)


def _said(ranks: pd.DataFrame, kind: str) -> str:
    if kind not in ranks.index:
        return ""
    row = ranks.loc[kind]
    if pd.isna(row["spearman"]):
        return "(no rank correlation: one side is constant)"
    return f"({row['spearman']:.2f}, {row['low']:.2f} to {row['high']:.2f})"
