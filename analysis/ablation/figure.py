"""The forest plot of a study's variations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.common import plots, sequential
from analysis.common.plots import Looks
from analysis.common.text import format_p_value
from bench.records.facts import StudyFacts

INK = plots.OKABE_ITO[0]


@plots.styled
def draw(
    rows: pd.DataFrame,
    differences: Mapping[tuple[str, str], Sequence[tuple[float, bool]]],
    facts: StudyFacts,
    accuracy: str,
    looks: Looks,
) -> Figure:
    """A panel per data set with a row per variation.

    rows, differences: of `analysis.ablation.table`; accuracy: what it is called.
    """
    base, region = str(facts.base), facts.region
    level = sequential.show_level(sequential.find_level(facts.looks))
    blocks = [
        (str(dataset), block[block["variation"] != base])
        for dataset, block in rows.groupby("dataset", sort=False)
    ]
    heights = [0.55 + 0.36 * len(block) for _, block in blocks]
    figure = plots.create(7.2, 0.9 + sum(heights))
    panels = figure.subplots(len(blocks), 1, squeeze=False)[:, 0]
    for axes, (dataset, block) in zip(panels, blocks, strict=True):
        axes.axvspan(-region, region, color="#EEEEEE", lw=0)
        _draw_forest(axes, block, differences, looks)
        axes.set_title(dataset, loc="left")
        axes.set_xlabel(f"difference of {accuracy} from {base}, points")
    plots.add_caption(
        figure,
        f"A square is the shift (Hodges-Lehmann), a bar the {level} % interval of shifts that the"
        " rank test does not reject, grey the region of practical equivalence. Hollow circles are"
        " the seeds minus the base's mean, or minus the base's value of the same search. At the"
        " right are the verdict and the p-value corrected by Holm. Left of the line the variation"
        " is worse than the base." + looks.remark,
    )
    return figure


def _draw_forest(
    axes: Axes,
    block: pd.DataFrame,
    differences: Mapping[tuple[str, str], Sequence[tuple[float, bool]]],
    looks: Looks,
) -> None:
    axes.axvline(0, color="black", lw=0.9)
    for place, row in enumerate(block.to_dict("records")):
        own = differences.get((row["dataset"], row["variation"]), ())
        seeds = [difference for difference, _ in own]
        axes.plot(seeds, [place + 0.22] * len(seeds), "o", ms=3.5, mfc="none", mec=plots.GREY)
        if pd.isna(row["shift_points"]):
            axes.text(0, place, " not run", va="center", **plots.SMALL)
            continue
        if not pd.isna(row["shift_low_points"]):
            ends = [row["shift_low_points"], row["shift_high_points"]]
            axes.plot(ends, [place - 0.08] * 2, "-", color=INK, lw=2, solid_capstyle="butt")
        axes.plot(row["shift_points"], place - 0.08, "s", ms=5.5, color=INK)
        crossed = np.array([difference for difference, failed in own if failed])
        plots.cross_out(axes, crossed, np.full(len(crossed), place + 0.22), plots.GREY)
        said = f"{row['verdict']}, p {format_p_value(row['p_value_holm'])}"
        right = axes.get_yaxis_transform()  # x in fractions of the axes, y in data
        axes.text(1.01, place, said, transform=right, va="center", **plots.SMALL)
    names = [plots.wrap(looks.name(label), 26) for label in block["variation"]]
    axes.set_yticks(range(len(block)), names)
    axes.set_ylim(len(block) - 0.5, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x")
