"""The known accuracy of what would have been selected, by epoch: does a method drift?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from analysis.common import plots
from analysis.common.statistics import summarise
from analysis.common.trials import Record, StudyFacts, all_labels, labels_of
from analysis.leaderboard.notes import interval_sentence


def draw(
    path: Path,
    epochs: pd.DataFrame,
    table: pd.DataFrame,
    records: Sequence[Record],
    study: StudyFacts,
) -> Path:
    """A panel for each data set of the table: mean over seeds by epoch, a band for its interval."""
    names = list(dict.fromkeys(table["table"]))
    labels, everyone = labels_of(records, study), all_labels(records, study)
    with plots.style():
        made = plots.figure(4.0 * len(names), 4.0)
        panels = made.subplots(1, len(names), squeeze=False)[0]
        for axes, name in zip(panels, names, strict=True):
            parts = [frame[frame["table"] == name] for frame in (epochs, table)]
            _panel(axes, parts[0], parts[1], labels, everyone)
            axes.set_title(f"{name} ({parts[1]['split'].iloc[0]})")
            axes.set_xlabel("Search epoch")
            axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
        panels[0].set_ylabel("Known accuracy of the selection, %")
        plots.legend_above(made, panels[0])
        plots.caption(
            made,
            "Lines: mean over seeds of the known accuracy of what would be selected after that "
            f"epoch; bands: 95 % interval of that mean. {interval_sentence()} A level thin line is "
            "the final selection of a method whose search has no selections by epoch.",
        )
        return plots.save(made, path)


def _panel(
    axes: Axes,
    epochs: pd.DataFrame,
    table: pd.DataFrame,
    labels: Sequence[str],
    everyone: Sequence[str],
) -> None:
    colours, dashes = plots.colours(everyone), plots.dashes(everyone)
    for label in labels:
        mine = epochs[epochs["method"] == label]
        if not len(mine):
            mean = table[table["method"] == label]["accuracy_percent"].mean()
            axes.axhline(mean, color=colours[label], ls=dashes[label], lw=0.8, label=label)
            continue
        x = sorted(set(mine["epoch"].tolist()))
        found = [summarise(mine[mine["epoch"] == at]["accuracy_percent"].tolist()) for at in x]
        axes.plot(
            x,
            [one.mean for one in found],
            color=colours[label],
            ls=dashes[label],
            lw=1.5,
            label=label,
        )
        ends = [
            (one.low, one.high) for one in found if one.low is not None and one.high is not None
        ]
        if len(ends) == len(found):
            low, high = zip(*ends, strict=True)
            axes.fill_between(x, low, high, color=colours[label], alpha=0.12, lw=0)
    axes.grid(True)
