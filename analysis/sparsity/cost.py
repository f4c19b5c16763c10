"""What zeroing saves where it counts: parameters that are gone, FLOPs, time to predict."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import EngFormatter, MaxNLocator

from analysis.common import plots
from analysis.common.trials import Record, StudyFacts, all_labels, datasets_of, labels_of

PANELS = (
    ("Parameters (number)", "parameters", ("nonzero_parameters", "compact_parameters"), 1.0),
    ("FLOPs of a prediction", "flops", ("compact_flops",), 1.0),
    ("Time to predict a batch (ms)", "inference_before_seconds",
     ("inference_after_seconds",), 1000.0),
)  # fmt: skip


def draw(path: Path, trials: pd.DataFrame, records: Sequence[Record], study: StudyFacts) -> Path:
    """Write sparsity_cost.png: by method, means over seeds before and after the zeroing."""
    labels, datasets = labels_of(records, study), datasets_of(records, study)
    everyone = all_labels(records, study)
    with plots.style():
        made = plots.figure(10.5, 0.9 + len(datasets) * (1.0 + 0.42 * len(labels)))
        grid = made.subplots(len(datasets), len(PANELS), squeeze=False, sharey=True)
        for line, dataset in zip(grid, datasets, strict=True):
            part = trials[trials["dataset"] == dataset]
            for axes, (title, before, after, scale) in zip(line, PANELS, strict=True):
                _panel(axes, part, labels, everyone, before, after, scale)
                axes.set_title(title if len(datasets) == 1 else f"{dataset}: {title}")
        plots.caption(
            made,
            "Hollow: the trained network; filled: after the zeroing, the network without what is "
            "physically removed (dead layers, dead channels of separable convolutions). Of "
            "parameters, the small dot between is the number that is not zero. Means over seeds; "
            "a method without filled mark removes nothing. Times are of the hardware named in the "
            "leaderboard.",
        )
        return plots.save(made, path)


def _panel(
    axes: Axes,
    part: pd.DataFrame,
    labels: Sequence[str],
    everyone: Sequence[str],
    before: str,
    after: Sequence[str],
    scale: float,
) -> None:
    colour, marker = plots.colours(everyone), plots.markers(everyone)
    for row, label in enumerate(labels):
        chosen = part[part["method"] == label]
        start, end = scale * _mean(chosen, before), scale * _mean(chosen, after[-1])
        axes.plot([start, end], [row, row], "-", color=colour[label], lw=1.5, alpha=0.6)
        axes.plot([start], [row], marker[label], ms=7, mfc="white", mec=colour[label])
        axes.plot([end], [row], marker[label], ms=7, color=colour[label])
        for between in after[:-1] if end == end else ():
            axes.plot([scale * _mean(chosen, between)], [row], ".", ms=5, color=colour[label])
    values = [scale * part[name].max() for name in (before, *after) if part[name].count()]
    axes.set_xlim(0, 1.06 * float(max(values, default=1)))
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.set_ylim(len(labels) - 0.5, -0.5)
    axes.set_yticks(range(len(labels)), [plots.wrapped(label) for label in labels])
    axes.xaxis.set_major_formatter(EngFormatter(sep=" "))
    axes.grid(axis="x")
    axes.tick_params(axis="y", length=0)


def _mean(part: pd.DataFrame, column: str) -> float:
    """The mean over trials that have the value; NaN, which is not drawn, where none has."""
    known = part[column].dropna()
    return float(known.mean()) if len(known) else float("nan")
