"""speed.png: every ratio of all parts measured; pandas and seaborn are imported when drawing."""

from __future__ import annotations

import textwrap
from pathlib import Path

from bench import files


def draw(parts_measured: list[Path], path: Path) -> str | None:
    """Write the figure of the parts' tables; a line that says why not, where a package lacks."""
    try:
        import matplotlib

        matplotlib.use("Agg")
        import matplotlib.pyplot as plt
        import pandas as pd
        import seaborn as sns
    except ImportError as error:
        return f"no figure: {error.name} is not installed"
    frame = pd.concat([pd.read_csv(file) for file in parts_measured]).dropna(subset="ratio")
    if frame.empty:
        return "no figure: nothing was compared"
    frame["what"] = frame["variant"] + ": " + frame["quantity"]
    frame["part"] = [
        section if section.startswith(scale) else f"{section} ({scale})"
        for section, scale in zip(frame["section"], frame["scale"], strict=True)
    ]
    frame["part"] += ", against " + frame["reference"].str.split(", keep").str[0]
    parts = list(dict.fromkeys(frame["part"]))
    heights = [int((frame["part"] == part).sum()) for part in parts]
    sns.set_theme(style="whitegrid", context="paper")
    figure, axes = plt.subplots(
        len(parts),
        1,
        figsize=(7, 0.2 * sum(heights) + 0.75 * len(parts)),
        height_ratios=heights,
        squeeze=False,
        layout="constrained",
    )
    for part, axis in zip(parts, axes[:, 0], strict=True):
        rows = frame[frame["part"] == part]
        sns.barplot(rows, x="ratio", y="what", ax=axis, color="#4477aa", errorbar=None)
        spread = [
            (rows["ratio"] - rows["ratio_low"]).clip(lower=0),
            (rows["ratio_high"] - rows["ratio"]).clip(lower=0),
        ]
        places = range(len(rows))
        axis.errorbar(rows["ratio"], places, xerr=spread, fmt="none", color="black", lw=1)
        axis.axvline(1, color="black", lw=1)
        axis.set(title=textwrap.fill(part, 54), xlabel="", ylabel="")
    axes[-1, 0].set_xlabel("times the reference (bars: medians; lines: quartiles)")
    with files.replacing(path) as scratch:
        figure.savefig(scratch, dpi=150)
    plt.close(figure)
    return None
