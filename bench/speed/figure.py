"""speed.png: every ratio of all parts measured; pandas and seaborn are imported when drawing."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench import files

if TYPE_CHECKING:
    import pandas as pd


def draw(tables: Sequence[Path], path: Path) -> str | None:
    """Write the figure of the parts' tables; or a line that says why there is none.

    Raises ResultsError.
    """
    try:
        import matplotlib
        import pandas as pd
        import seaborn  # noqa: F401 - `compose` draws with it
        from PIL import Image

        from bench import pictures
    except ImportError as error:
        return f"no figure: {error.name} is not installed"
    matplotlib.use("Agg")
    frame = pd.concat([pd.read_csv(table) for table in tables]).dropna(subset="ratio")
    if frame.empty:
        return "no figure: nothing was compared"
    figure = compose(frame)
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=150)
    files.write(path, pictures.to_png(Image.open(buffer), 150))
    figure.clear()
    return None


def compose(frame: pd.DataFrame) -> Any:
    """A matplotlib figure with one panel per part, and in it one bar per ratio.

    frame: the columns of `report.Row`, with a ratio in every row.
    """
    import seaborn as sns
    from matplotlib.figure import Figure

    names = frame["variant"] + ": " + frame["quantity"]
    titles = [
        f"{section if section.startswith(scale) else f'{section} ({scale})'}, against {reference}"
        for section, scale, reference in zip(
            frame["section"], frame["scale"], frame["reference"], strict=True
        )
    ]
    frame = frame.assign(name=names, title=titles)
    parts = list(frame.groupby("title", sort=False))
    heights = [len(rows) for _, rows in parts]
    sns.set_theme(style="whitegrid", context="paper")
    size = (7, 0.2 * sum(heights) + 0.75 * len(parts))
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(len(parts), 1, height_ratios=heights, squeeze=False)[:, 0]
    for axis, (title, rows) in zip(axes, parts, strict=True):
        sns.barplot(rows, x="ratio", y="name", ax=axis, color="#4477aa", errorbar=None)
        spread = [
            (rows["ratio"] - rows["ratio_low"]).clip(lower=0),
            (rows["ratio_high"] - rows["ratio"]).clip(lower=0),
        ]
        places = range(len(rows))
        axis.errorbar(rows["ratio"], places, xerr=spread, fmt="none", color="black", lw=1)
        axis.axvline(1, color="black", lw=1)
        axis.set(title=textwrap.fill(str(title), 54), xlabel="", ylabel="")
    axes[-1].set_xlabel("times the reference (bars: medians; lines: quartiles)")
    return figure
