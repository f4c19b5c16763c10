"""The figure of operations alive by epoch."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from analysis.common import plots
from analysis.common.plots import Looks


@plots.styled
def draw(rows: pd.DataFrame, looks: Looks) -> Figure:
    """A panel per data set: a thin line for each trial, a thick one for the mean over seeds."""
    blocks = list(rows.groupby("dataset", sort=False))
    figure, panels = plots.create_panels(len(blocks), (4.0, 3.9), least_width=5.5, sharey=True)
    for axes, (dataset, block) in zip(panels, blocks, strict=True):
        for label in looks.list_present(rows):
            own = block[block["method"] == label]
            for _, trial in own.groupby("seed"):
                axes.plot(trial["epoch"], trial["alive"], lw=0.7, alpha=0.5, **looks.line(label))
            means = own.groupby("epoch")["alive"].mean()
            axes.plot(means.index, means, lw=2, label=label, **looks.line(label))
        for total in sorted(set(block["candidates"].dropna())):
            axes.axhline(int(total), color="black", lw=0.8, ls=(0, (1, 2)))
        axes.set_title(plots.wrap(str(dataset), 34))
        plots.label_epochs(axes)
        axes.set_ylim(bottom=0)
        axes.grid(axis="y")
    panels[0].set_ylabel("Operations alive (number)")
    plots.add_legend_above(figure, panels[0])
    plots.add_caption(
        figure,
        "The number of operations, of all cell types, that the method calls alive after each epoch."
        " Thick lines are means over seeds, thin lines single trials, and the dotted line is the"
        " number of all candidates. At 0 the cell is empty.",
    )
    return figure
