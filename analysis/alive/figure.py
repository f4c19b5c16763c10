"""The figure of operations alive by epoch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.ticker import MaxNLocator

from analysis.common import plots
from analysis.common.trials import Record, StudyFacts, all_labels, datasets_of


def draw(path: Path, table: pd.DataFrame, records: Sequence[Record], study: StudyFacts) -> Path:
    """A panel a data set that has rows: a thin line a trial, a thick one the mean over seeds."""
    everyone = all_labels(records, study)
    labels = [label for label in everyone if label in set(table["method"])]
    datasets = [name for name in datasets_of(records, study) if name in set(table["dataset"])]
    colour, dash = plots.colours(everyone), plots.dashes(everyone)
    with plots.style():
        made = plots.figure(max(5.5, 4.0 * len(datasets)), 3.9)
        panels = made.subplots(1, len(datasets), sharey=True, squeeze=False)[0]
        for axes, dataset in zip(panels, datasets, strict=True):
            part = table[table["dataset"] == dataset]
            for label in labels:
                mine = part[part["method"] == label]
                look: dict[str, Any] = {"color": colour[label], "ls": dash[label]}
                for _, trial in mine.groupby("seed"):
                    axes.plot(trial["epoch"], trial["alive"], lw=0.7, alpha=0.5, **look)
                means = mine.groupby("epoch")["alive"].mean()
                axes.plot(means.index, means, lw=2, label=label, **look)
            for total in sorted(set(part["candidates"].dropna())):
                axes.axhline(int(total), color="black", lw=0.8, ls=(0, (1, 2)))
            axes.set_title(plots.wrapped(dataset, 34))
            axes.set_xlabel("Search epoch")
            axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
            axes.set_ylim(bottom=0)
            axes.grid(axis="y")
        panels[0].set_ylabel("Operations alive (number)")
        plots.legend_above(made, panels[0])
        plots.caption(
            made,
            "Operations of all cell types that the method calls alive after each epoch. Thick: "
            "mean over seeds; thin: a trial; dotted: all candidates. At 0 the cell is empty.",
        )
        return plots.save(made, path)
