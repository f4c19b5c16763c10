"""Every signal of collapse along the search: by method, with a band over seeds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from analysis.common import plots
from analysis.common.operations import BOTH
from analysis.common.statistics import interval
from analysis.common.trials import Record, StudyFacts, all_labels, datasets_of, labels_of
from analysis.leaderboard.notes import interval_sentence

TITLES = {
    "skip_connects": "Skip connections,\nnormal cell (number)",
    "parameter_free_share": "Parameter-free\n(fraction of edges)",
    "most_frequent_share": "Most frequent operation\n(fraction of edges)",
    "depth": "Depth of a cell\n(connections)",
    "width": "Width of a cell\n(cell channels)",
    "architecture_entropy": "Architecture entropy\n(fraction of its maximum)",
    "discretisation_gap_points": "Discretisation gap\n(points)",
    "dominant_eigenvalue": "Dominant eigenvalue\nof the Hessian",
}
_FRACTIONS = ("parameter_free_share", "most_frequent_share")
_LIMITS = {
    "skip_connects": (0.0, math.inf),
    "parameter_free_share": (0.0, 1.0),
    "most_frequent_share": (0.0, 1.0),
    "depth": (0.0, math.inf),
    "width": (0.0, math.inf),
    "architecture_entropy": (0.0, 1.0),
    "discretisation_gap_points": (-100.0, 100.0),
}
"""What a signal can be: its band is cut there."""
_ANY = (-math.inf, math.inf)
NORMAL = "normal"
COLUMNS = 3


def draw(path: Path, epochs: pd.DataFrame, records: Sequence[Record], study: StudyFacts) -> Path:
    """A panel for each signal that some search left, a block a data set."""
    labels, everyone = labels_of(records, study), all_labels(records, study)
    datasets = [name for name in datasets_of(records, study) if name in set(epochs["dataset"])]
    shown = {signal: _of(epochs, signal) for signal in TITLES}
    signals = [signal for signal, part in shown.items() if len(part)]
    lines = -(-len(signals) // COLUMNS)
    with plots.style():
        made = plots.figure(10.5, 1.2 + len(datasets) * (0.3 + 2.3 * lines))
        blocks = made.subfigures(len(datasets), 1, squeeze=False)[:, 0]
        first: Axes | None = None
        for block, dataset in zip(blocks, datasets, strict=True):
            block.suptitle(f"Data set {dataset}", fontsize=11, weight="bold")
            grid = block.subplots(lines, COLUMNS, sharex=True, squeeze=False).ravel()
            for axes, signal in zip(grid, signals, strict=False):
                part = shown[signal]
                _panel(axes, part[part["dataset"] == dataset], signal, labels, everyone)
                first = first or axes
            for number, axes in enumerate(grid):
                axes.set_visible(number < len(signals))
                if len(signals) - COLUMNS <= number < len(signals):
                    axes.set_xlabel("Search epoch")
                    axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
                    axes.tick_params(labelbottom=True)
                    axes.xaxis.label.set_visible(True)
        assert first is not None
        plots.legend_above(made, first)
        plots.caption(
            made,
            "Lines: mean over seeds, of what would be selected after that epoch, all cells "
            "together where no cell is named (depth and width: mean of the cells). Bands: 95 % "
            f"interval of that mean. {interval_sentence()} Methods that left "
            "no value by epoch have no line.",
        )
        return plots.save(made, path)


def _of(epochs: pd.DataFrame, signal: str) -> pd.DataFrame:
    key = NORMAL if signal == "skip_connects" and NORMAL in set(epochs["cell"]) else BOTH
    return epochs[epochs["cell"] == key].dropna(subset=[signal])


def _panel(
    axes: Axes, part: pd.DataFrame, signal: str, labels: Sequence[str], everyone: Sequence[str]
) -> None:
    colour, dash = plots.colours(everyone), plots.dashes(everyone)
    for label in labels:
        mine = part[part["method"] == label]
        if len(mine):
            sns.lineplot(
                data=mine,
                x="epoch",
                y=signal,
                ax=axes,
                color=colour[label],
                linestyle=dash[label],
                label=label,
                legend=False,
                lw=1.6,
                errorbar=partial(interval, within=_LIMITS.get(signal, _ANY)),
                err_kws={"alpha": 0.15, "lw": 0},
            )
    if signal in _FRACTIONS:
        axes.set_ylim(-0.04, 1.04)
    axes.set(xlabel="", ylabel=TITLES[signal])
    axes.grid(axis="y")
