"""Figures of the posterior: what it dropped, and its confidence against accuracy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from analysis.common import plots
from analysis.common.trials import Record, StudyFacts, all_labels, labels_of
from analysis.posterior import tables as posterior

BINS = 24
DEAD_AT = 3.0
"""log_alpha from which on an operation is dead (Molchanov, Ashukha, Vetrov 2017)."""
_TITLES = {
    "log_alpha": "log alpha (noise over signal)",
    "drop_probability": "Drop probability",
}


def histograms(
    path: Path, rows: pd.DataFrame, records: Sequence[Record], study: StudyFacts
) -> Path:
    """Write posterior.png: a panel a (data set, method, quantity) that has values."""
    everyone = all_labels(records, study)
    panels = [
        (dataset, label, quantity, part[quantity].dropna())
        for dataset in posterior.datasets_with(rows, records, study)
        for label in labels_of(records, study)
        for part in [rows[(rows["dataset"] == dataset) & (rows["method"] == label)]]
        for quantity in posterior.QUANTITIES
        if part[quantity].notna().any()
    ]
    columns = min(3, len(panels))
    height = -(-len(panels) // columns)
    with plots.style():
        made = plots.figure(max(6.5, 4.2 * columns), 0.8 + 2.9 * height)
        grid = made.subplots(height, columns, squeeze=False)
        for axes in grid.flat[len(panels) :]:
            axes.set_visible(False)
        for axes, (dataset, label, quantity, values) in zip(grid.flat, panels, strict=False):
            _histogram(axes, quantity, values.to_numpy(), plots.colours(everyone)[label])
            axes.set_title(f"{plots.wrapped(label, 30)}, {plots.wrapped(dataset, 34)}")
        plots.caption(
            made,
            "Every operation of every edge at the end of the search, all seeds together. The line "
            f"at log alpha = {DEAD_AT:g} is where an operation counts as dead by default (a "
            "method's option `threshold` may differ); a drop probability of 1 removes it.",
        )
        return plots.save(made, path)


def reliability(
    path: Path, points: pd.DataFrame, records: Sequence[Record], study: StudyFacts
) -> Path:
    """Write posterior_confidence.png: confidence in the selected genotype against its accuracy."""
    everyone = all_labels(records, study)
    colour, marker = plots.colours(everyone), plots.markers(everyone)
    rho = posterior.correlations(points)
    present = posterior.datasets_with(points, records, study)
    with plots.style():
        made = plots.figure(max(6.5, 5.4 * len(present)), 4.8)
        grid = made.subplots(1, len(present), squeeze=False)[0]
        for axes, dataset in zip(grid, present, strict=True):
            part = points[points["dataset"] == dataset]
            own = {
                row["method"]: _said(row)
                for row in rho[rho["dataset"] == dataset].to_dict("records")
            }
            for label in labels_of(records, study):
                chosen = part[part["method"] == label]
                if not len(chosen):
                    continue
                axes.plot(
                    chosen["mean_probability"],
                    chosen["test_accuracy_percent"],
                    marker[label],
                    ms=6,
                    mfc="white",
                    mec=colour[label],
                    label=f"{label}: {own[label]}",
                )
            _binned(axes, part)
            axes.set_title(plots.wrapped(dataset, 34))
            axes.set(xlabel="Posterior probability of the selected operations (mean)")
            axes.set_xlim(-0.03, 1.03)
            axes.grid()
            title = f"{posterior.WITHIN}: {own[posterior.WITHIN]}"
            axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=2, title=title)
        grid[0].set_ylabel("Test accuracy (%)")
        plots.caption(
            made,
            "A point a trial: how probable its posterior holds each selected operation to be the "
            "best of its edge, on average, against the accuracy of the architecture trained from "
            "scratch. rho is Spearman's, stated from "
            f"{posterior.FEWEST_POINTS} points on; within methods: those whose confidence varies, "
            "each centred. A "
            "method without uncertainty is certain (1) or indifferent. The "
            "grey line joins means of quintiles of confidence, where there are 20 points or more.",
        )
        return plots.save(made, path)


def _histogram(axes: Axes, quantity: str, values: np.ndarray, colour: str) -> None:
    if quantity == "drop_probability":
        edges = np.linspace(0, 1, BINS + 1)
    else:
        low, high = min(values.min(), DEAD_AT - 1), max(values.max(), DEAD_AT + 1)
        edges = np.linspace(np.floor(low), np.ceil(high), BINS + 1)
        axes.axvline(DEAD_AT, color="black", lw=1, ls="--")
    axes.hist(values, edges.tolist(), color=colour, edgecolor="white", linewidth=0.5)
    axes.set(xlabel=_TITLES[quantity], ylabel="Operations")
    said = f"n = {len(values)}"
    axes.text(0.99, 0.97, said, ha="right", va="top", transform=axes.transAxes, fontsize=8.5)


def _binned(axes: Axes, points: pd.DataFrame) -> None:
    if len(points) < 20:
        return
    bins = pd.qcut(points["mean_probability"].rank(method="first"), 5, labels=False)
    means = points.groupby(bins)[["mean_probability", "test_accuracy_percent"]].mean()
    axes.plot(means.iloc[:, 0], means.iloc[:, 1], "-", color=plots.GREY, lw=1.5, zorder=1)


def _said(row: Mapping[Any, Any]) -> str:
    few = f"n = {int(row['points'])}"
    if pd.isna(row["spearman"]):
        return f"{few}, no rho"
    return f"{few}, rho = {row['spearman']:+.2f}"
