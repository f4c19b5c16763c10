"""The forest plot of a study's variations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from analysis.common import plots

INK = plots.OKABE_ITO[0]


def write(
    folder: Path,
    rows: pd.DataFrame,
    gaps: Mapping[tuple[str, str], Sequence[float]],
    study: Mapping[str, Any],
) -> Path:
    """Write ablation.png: a panel a data set, a row a variation.

    rows: of `analysis.ablation.table.table`; gaps: (data set, variation) -> differences by seed,
    points.
    """
    datasets = list(dict.fromkeys(rows["dataset"]))
    variations = list(study["variations"])
    with plots.style():
        made = plots.figure(7.2, 0.9 + len(datasets) * (0.55 + 0.36 * len(variations)))
        panels = made.subplots(len(datasets), 1, squeeze=False)[:, 0]
        for dataset, axes in zip(datasets, panels, strict=True):
            block = rows[(rows["dataset"] == dataset) & (rows["variation"] != study["base"])]
            _forest(axes, block, {label: gaps.get((dataset, label), ()) for label in variations})
            axes.set_title(dataset, loc="left")
            axes.set_xlabel(f"difference of test accuracy from {study['base']}, points")
        plots.caption(
            made,
            "Square: mean difference, paired by seed, with its 95 % interval (paired t). Hollow:"
            " the seeds. At the right Hedges' g, and p corrected by Holm. Left of the line the"
            " variation is worse than the base.",
        )
        return plots.save(made, folder / "ablation.png")


def _forest(axes: Axes, block: pd.DataFrame, gaps: Mapping[str, Sequence[float]]) -> None:
    axes.axvline(0, color="black", lw=0.9)
    for place, row in enumerate(block.to_dict("records")):
        seeds = list(gaps[row["variation"]])
        axes.plot(seeds, [place + 0.22] * len(seeds), "o", ms=3.5, mfc="none", mec=plots.GREY)
        if pd.isna(row["difference_points"]):
            axes.text(0, place, " not run", va="center", fontsize=8, color=plots.GREY)
            continue
        if not pd.isna(row["difference_low_points"]):
            ends = [row["difference_low_points"], row["difference_high_points"]]
            axes.plot(ends, [place - 0.08] * 2, "-", color=INK, lw=2, solid_capstyle="butt")
        axes.plot(row["difference_points"], place - 0.08, "s", ms=5.5, color=INK)
        said = []
        if not pd.isna(row["effect_size"]):
            said.append(f"g {row['effect_size']:+.1f}")
        if not pd.isna(row["p_value_holm"]):
            said.append(f"p {row['p_value_holm']:.2f}")
        axes.annotate(
            ", ".join(said),
            (1.01, place),
            xycoords=("axes fraction", "data"),
            va="center",
            fontsize=8,
            color=plots.GREY,
            annotation_clip=False,
        )
    axes.set_yticks(range(len(block)), [plots.wrapped(label, 26) for label in block["variation"]])
    axes.set_ylim(len(block) - 0.5, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x")
