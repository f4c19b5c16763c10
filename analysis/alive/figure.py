"""The figure of operations alive by epoch."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from analysis.common import plots
from analysis.common.plots import Looks


@plots.styled
def draw(rows: pd.DataFrame, looks: Looks) -> Figure:
    """Thin lines for trials, thick ones for means over seeds.

    A panel per data set and group of methods.
    """
    blocks = list(rows.groupby("dataset", sort=False))
    groups = looks.share_out(looks.list_present(rows))
    figure, panels = plots.create_panels(
        len(groups) * len(blocks), (4.0, 3.9), columns=len(blocks), least_width=5.5, sharey=True
    )
    parts = [(group, *block) for group in groups for block in blocks]
    for axes, (group, dataset, block) in zip(panels, parts, strict=True):
        for label in group:
            own = block[block["method"] == label]
            for _, trial in own.groupby("seed"):
                axes.plot(trial["epoch"], trial["alive"], lw=0.7, alpha=0.5, **looks.line(label))
            means = own.groupby("epoch")["alive"].mean()
            axes.plot(means.index, means, lw=2, label=looks.name(label), **looks.line(label))
        for total in sorted(set(block["candidates"].dropna())):
            axes.axhline(int(total), color="black", lw=0.8, ls=(0, (1, 2)))
        axes.set_title(plots.wrap(str(dataset), 34))
        plots.label_epochs(axes)
        axes.set_ylim(bottom=0)
        axes.grid(axis="y")
    rows_of_panels = plots.split_rows(panels, len(blocks))
    for line in rows_of_panels:
        line[0].set_ylabel("Operations alive (number)")
    plots.add_legends(figure, rows_of_panels, groups=len(groups))
    plots.add_caption(
        figure,
        "The number of operations, of all cell types, that the method calls alive after each epoch."
        " Thick lines are means over seeds, thin lines single trials, and the dotted line is the"
        " number of all candidates. At 0 the cell is empty." + looks.remark,
    )
    return figure
