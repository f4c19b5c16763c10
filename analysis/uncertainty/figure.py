"""The figure of NLL and calibration against the strength of corruptions, by way of predicting."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.common import plots
from analysis.common.plots import Looks
from analysis.uncertainty.table import CORRUPTED, TEST, WAYS, add_mean_corruption

SHOWN = {"nll": "NLL, nats per image", "ece_percent": "ECE, %"}
COLUMNS = 4
"""Methods in a row of panels."""
_LINES = {
    "deterministic": ("#000000", "-", "o"),
    "draws": ("#D55E00", "--", "s"),
    "ensemble": ("#0072B2", ":", "^"),
}
"""Colour, dashes and marker of each way of predicting."""
_CAPTION = (
    "Strength 0 is the test images; beyond it stands the mean over the study's corruptions at a"
    " strength. Thick lines are means over seeds, thin ones are the seeds. Deterministic: the"
    " trained network, of Gaussian weights by their means. Draws: predictions averaged over draws"
    " of Gaussian weights, where the network has them. Ensemble: averaged over as many networks as"
    " there are draws, each trained by itself."
)


@plots.styled
def draw(trials: pd.DataFrame, looks: Looks) -> Figure:
    """Rows of panels for each data set and measure, a panel per method, the same axes in a row."""
    rows = add_mean_corruption(trials)
    rows = rows[rows["images"].isin([TEST, CORRUPTED])]
    labels = looks.list_present(rows)
    parts = [labels[start : start + COLUMNS] for start in range(0, len(labels), COLUMNS)]
    lines = [
        (dataset, measure, part)
        for dataset in dict.fromkeys(rows["dataset"])
        for measure in SHOWN
        for part in parts
    ]
    width = max(map(len, parts))
    figure = plots.create(max(6.5, 2.7 * width), 1.2 + 2.4 * len(lines))
    grid = figure.subplots(len(lines), width, squeeze=False)
    for axes_of_line, (dataset, measure, part) in zip(grid, lines, strict=True):
        own = rows[rows["dataset"] == dataset]
        for axes in axes_of_line[len(part) :]:
            axes.set_visible(False)
        for axes, label in zip(axes_of_line, part, strict=False):
            _draw_method(axes, own[own["method"] == label], measure)
            axes.set_title(plots.wrap(f"{looks.name(label)} on {dataset}", 34))
            axes.set_ylim(0, 1.05 * float(own[measure].max()) or 1.0)
            axes.set_xlabel("Strength of corruption")
        axes_of_line[0].set_ylabel(SHOWN[measure])
    plots.add_legend_above(figure, list(grid.flat))
    plots.add_caption(figure, _CAPTION + looks.remark)
    return figure


def _draw_method(axes: Axes, rows: pd.DataFrame, measure: str) -> None:
    for way in [way for way in WAYS if way in set(rows["predicting"])]:
        colour, dashes, marker = _LINES[way]
        by_seed = rows[rows["predicting"] == way].pivot_table(
            measure, index="strength", columns="trial", sort=True
        )
        axes.plot(by_seed.index, by_seed, color=colour, ls=dashes, lw=0.5, alpha=0.5)
        axes.plot(
            by_seed.index, by_seed.mean(axis=1), color=colour, ls=dashes, lw=1.8,
            marker=marker, ms=4, label=way,
        )  # fmt: skip
    axes.set_xticks(sorted(set(rows["strength"])))
    axes.grid(axis="y")
