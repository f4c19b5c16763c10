"""The coverage of the intervals against the number of seeds."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from analysis.calibration.coverage import INTERVALS
from analysis.common import plots
from analysis.common.intervals import LEVEL


@plots.styled
def draw(coverage: pd.DataFrame) -> Figure:
    """A panel per interval, a line per population; coverage: of `coverage.tabulate`."""
    figure, panels = plots.create_panels(len(INTERVALS), (3.3, 3.4), sharey=True)
    for axes, (kind, title) in zip(panels, INTERVALS.items(), strict=True):
        axes.axhline(LEVEL, color="black", lw=0.9)
        for place, (name, block) in enumerate(coverage.groupby("population", sort=False)):
            look: dict[str, Any] = {"color": plots.OKABE_ITO[place], "marker": plots.MARKERS[place]}
            axes.plot(block["seeds"], block[f"{kind}_coverage"], ms=4, label=str(name), **look)
        axes.set_title(title)
        axes.set_xlabel("Seeds")
        axes.set_xticks(sorted(set(coverage["seeds"])))
        axes.grid(axis="y")
    panels[0].set_ylabel("Coverage (fraction)")
    plots.add_legend_above(figure, panels)
    plots.add_caption(
        figure,
        "How often the 95 % interval of the mean of so many random cells of NAS-Bench-201 has the"
        " mean of all cells in it. The black line is what it promises.",
    )
    return figure
