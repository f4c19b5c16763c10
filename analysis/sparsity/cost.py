"""What zeroing saves where it counts: parameters that are gone, FLOPs, time to predict."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, MaxNLocator

from analysis.common import plots
from analysis.common.plots import Looks


class Panel(NamedTuple):
    """A title and the columns before the zeroing, after it, and between; all times `scale`."""

    title: str
    before: str
    after: str
    between: str | None = None
    scale: float = 1.0


PANELS = (
    Panel("Parameters (number)", "parameters", "compact_parameters", "nonzero_parameters"),
    Panel("FLOPs of a prediction", "flops", "compact_flops"),
    Panel("Time to predict a batch (ms)", "inference_before_seconds", "inference_after_seconds",
          scale=1000.0),
)  # fmt: skip


@plots.styled
def draw(trials: pd.DataFrame, looks: Looks) -> Figure:
    """By method, means over seeds before and after the zeroing; a row of panels per data set."""
    blocks, labels = list(trials.groupby("dataset", sort=False)), looks.list_present(trials)
    figure = plots.create(10.5, 0.9 + len(blocks) * (1.0 + 0.42 * len(labels)))
    grid = figure.subplots(len(blocks), len(PANELS), squeeze=False, sharey=True)
    for line, (dataset, block) in zip(grid, blocks, strict=True):
        for axes, panel in zip(line, PANELS, strict=True):
            _draw_panel(axes, block, labels, panel, looks)
            axes.set_title(panel.title if len(blocks) == 1 else f"{dataset}: {panel.title}")
    plots.add_caption(
        figure,
        "Hollow is the trained network; filled is the network after the zeroing, without what is "
        "physically removed (dead layers, dead channels of separable convolutions). Of "
        "parameters, the small dot between is the number that is not zero. All are means over "
        "seeds; a method without filled mark removes nothing. Times are of the hardware named in "
        f"the leaderboard.{looks.remark}",
    )
    return figure


def _draw_panel(
    axes: Axes, block: pd.DataFrame, labels: Sequence[str], panel: Panel, looks: Looks
) -> None:
    columns = [name for name in (panel.before, panel.between, panel.after) if name]
    values = panel.scale * block.set_index("method")[columns].astype(float)
    for row, label in enumerate(labels):
        means = dict(values[values.index == label].mean())
        start, end = means[panel.before], means[panel.after]
        colour, marker = looks.colour(label), looks.marker(label)
        axes.plot([start, end], [row, row], "-", color=colour, lw=1.5, alpha=0.6)
        axes.plot([start], [row], marker, ms=7, mfc="white", mec=colour)
        axes.plot([end], [row], marker, ms=7, color=colour)
        if panel.between and end == end:
            axes.plot([means[panel.between]], [row], ".", ms=5, color=colour)
    largest = values.max().max()
    axes.set_xlim(0, 1.06 * (1.0 if pd.isna(largest) else float(largest)))
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.xaxis.set_major_formatter(EngFormatter(sep=" "))
    plots.label_methods(axes, [looks.name(label) for label in labels])
