"""The figure of known accuracy against cost."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, StrMethodFormatter

from analysis.common import plots
from analysis.common.intervals import ACCURACY_SENTENCE, summarise_accuracies
from analysis.common.plots import Looks
from analysis.cost.table import BLACK_BOX, ONE_SHOT

SHIFT = 1.2
"""Neighbouring one-shot methods are drawn so many times further right, as their costs are equal."""


@plots.styled
def draw(rows: pd.DataFrame, accuracy: str, looks: Looks) -> Figure:
    """A panel per data set: lines for black-box searches, points for one-shot methods, levels for
    what was not searched. accuracy: what it is called.
    """
    blocks = list(rows.groupby("dataset", sort=False))
    groups = looks.share_out(looks.list_present(rows))
    figure, panels = plots.create_panels(
        len(groups) * len(blocks), (6.0, 4.4), columns=len(blocks), least_width=7.0, sharey=True
    )
    for axes in panels[1:]:
        axes.sharex(panels[0])
    parts = [(group, *block) for group in groups for block in blocks]
    limits = [_choose_limits(block) for _, block in blocks]
    for axes, (group, dataset, block) in zip(panels, parts, strict=True):
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
        one_shot = looks.list_present(block[block["searched"] == ONE_SHOT])
        for label in [label for label in looks.list_present(block) if label in group]:
            own = block[block["method"] == label]
            if label in one_shot:
                shift = SHIFT ** (one_shot.index(label) - (len(one_shot) - 1) / 2)
                _draw_point(axes, own, shift, label, looks)
            else:
                _draw_line(axes, own, label, looks)
        axes.set_ylim(min(low for low, _ in limits), max(high for _, high in limits))
        axes.set_title(plots.wrap(str(dataset), 50))
        axes.set_xlabel("Cost, trained architectures")
        axes.grid(axis="both")
    lines = plots.split_rows(panels, len(blocks))
    for line in lines:
        line[0].set_ylabel(accuracy)
    plots.add_legends(figure, lines, groups=len(groups))
    plots.add_caption(
        figure,
        "Lines are the mean over seeds of the known accuracy of the best architecture so far, best"
        " by the one training that the search asked the table for. Points are one-shot methods: the"
        " images that their search saw over the images of one training of the table, although a"
        " super-network computes more for an image than one architecture does, and the study's"
        " images and networks may be smaller than the table's; they are set a little apart. Thin"
        " levels are architectures that"
        f" were not searched. Bands and bars are 95 % intervals of the means. {ACCURACY_SENTENCE}"
        " Where the known accuracies are validation accuracies, black-box searches maximise nearly"
        " the number that is shown and are an upper reference." + looks.remark,
    )
    return figure


def average(rows: pd.DataFrame) -> pd.DataFrame:
    """By cost, the mean over a method's seeds of the best so far and its interval.

    Columns: architectures, mean, low, high (NaN where there are too few seeds). It begins where
    every seed has trained an architecture; a seed that has ended keeps its last value.
    """
    by_seed = rows.pivot_table("accuracy_percent", "architectures", "seed", aggfunc="last")
    reached = by_seed.sort_index().ffill().dropna()
    bands = [summarise_accuracies(list(values)).bounds for values in reached.to_numpy(float)]
    return pd.DataFrame(
        {
            "architectures": reached.index,
            "mean": reached.mean(axis=1).to_numpy(),
            "low": [low for low, _ in bands],
            "high": [high for _, high in bands],
        }
    )


def _draw_line(axes: Axes, own: pd.DataFrame, label: str, looks: Looks) -> None:
    """What was the best so far, and a level for what cost nothing."""
    colour = looks.colour(label)
    if own["searched"].iloc[0] == BLACK_BOX:
        line = average(own)
        x = line["architectures"]
        name = looks.name(label)
        axes.plot(x, line["mean"], drawstyle="steps-post", lw=1.8, label=name, **looks.line(label))
        axes.fill_between(x, line["low"], line["high"], step="post", color=colour, alpha=0.15, lw=0)
    else:
        level = float(own["accuracy_percent"].mean())
        axes.axhline(level, lw=1.0, label=looks.name(label), **looks.line(label))


def _draw_point(axes: Axes, own: pd.DataFrame, shift: float, label: str, looks: Looks) -> None:
    """The mean over seeds with its interval, at the mean cost times `shift`."""
    accuracies = own["accuracy_percent"].to_numpy(float)
    mean, (low, high) = float(accuracies.mean()), summarise_accuracies(list(accuracies)).bounds
    axes.errorbar(
        [shift * float(own["architectures"].mean())],
        [mean],
        [[mean - low], [high - mean]] if np.isfinite(low) else None,
        fmt=looks.marker(label), ms=6, capsize=3, color=looks.colour(label),
        label=looks.name(label),
    )  # fmt: skip


def _choose_limits(block: pd.DataFrame) -> tuple[float, float]:
    """From a little below the worst mean that a search ends with, so that differences show."""
    ends = block.dropna(subset=["search_seconds"])
    low = float(ends.groupby("method")["accuracy_percent"].mean().min())
    high = float(block["accuracy_percent"].max())
    pad = max(0.5, 0.08 * (high - low))
    return max(0.0, low - 2 * pad), min(100.0, high + pad)
