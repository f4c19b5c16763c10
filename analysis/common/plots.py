"""The look that all figures share: style, colours, captions, and files without dates in them."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from analysis.common.statistics import summarise
from bench import files

OKABE_ITO = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#56B4E9",
    "#000000",
    "#8C8C8C",
)
"""Told apart with every common colour vision (Okabe and Ito 2008, without its yellow)."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
DASHES = ("-", "--", ":", "-.")
GREY = "#595959"
DPI = 130

STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.labelsize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "legend.fontsize": 8.5,
    "legend.frameon": False,
    "grid.color": "#DDDDDD",
    "grid.linewidth": 0.7,
    "text.parse_math": False,  # a label may contain a dollar sign
    "path.simplify": False,
}


@contextmanager
def style() -> Iterator[None]:
    """Matplotlib's defaults and then ours, whatever the user's own settings are."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(STYLE)
        yield


def figure(width: float, height: float) -> Figure:
    """An empty figure, inches, drawn by Agg and not known to pyplot."""
    return Figure(figsize=(width, height), dpi=DPI, layout="constrained")


def save(made: Figure, path: Path) -> Path:
    """Write a PNG atomically; its bytes carry no date and no software version."""
    buffer = io.BytesIO()
    FigureCanvasAgg(made).print_png(buffer, metadata={"Software": None})
    return files.write(path, buffer.getvalue())


def colours(labels: Sequence[str]) -> dict[str, str]:
    """A colour a method. Hand over the study's labels, so that every figure uses the same."""
    return {label: OKABE_ITO[index % len(OKABE_ITO)] for index, label in enumerate(labels)}


def markers(labels: Sequence[str]) -> dict[str, str]:
    """A marker a method, so that colour is never the only difference."""
    return {label: MARKERS[_shifted(index) % len(MARKERS)] for index, label in enumerate(labels)}


def dashes(labels: Sequence[str]) -> dict[str, str]:
    """A line style a method."""
    return {label: DASHES[_shifted(index) % len(DASHES)] for index, label in enumerate(labels)}


def _shifted(index: int) -> int:
    """One further with each round of the colours, so that no colour comes back with its mark."""
    return index + index // len(OKABE_ITO)


def wrapped(label: str, width: int = 18) -> str:
    """A long label on several lines, broken after - and _ where there is one."""
    pieces = label.replace("_", "_\0").replace("-", "-\0").replace(":", ":\0").split("\0")
    lines = [""]
    for piece in pieces:
        if lines[-1] and len(lines[-1]) + len(piece) > width:
            lines.append("")
        lines[-1] += piece
    return "\n".join(part for line in lines for part in textwrap.wrap(line, width) or [""])


def legend_above(figure: Figure, axes: Axes) -> None:
    """The legend of `axes` above all, in as many columns as the figure is wide."""
    handles, texts = axes.get_legend_handles_labels()
    columns = int(13 * figure.get_figwidth() / (6 + max(map(len, texts), default=0)))
    figure.legend(handles, texts, loc="outside upper center", ncols=max(1, columns))


def caption(made: Figure, text: str) -> None:
    """A caption below all axes, as wide as the figure."""
    characters = int(made.get_size_inches()[0] * 15.5)
    made.supxlabel(
        "\n".join(textwrap.wrap(text, characters)), x=0.01, ha="left", fontsize=8, color=GREY
    )


def points_by_method(axes: Axes, values: dict[str, list[float]], labels: Sequence[str]) -> None:
    """One row a method: hollow, its trials; filled, above them, their mean with its interval.

    `values`: by label, in the order of the rows from the top; `labels`: the study's, for colours
    and markers. Trials of one value are stacked, so that each can be counted.
    """
    colour, marker = colours(labels), markers(labels)
    for row, (label, numbers) in enumerate(values.items()):
        kept = sorted(number for number in numbers if number == number)
        heights = [row + 0.12 + 0.12 * kept[:index].count(one) for index, one in enumerate(kept)]
        axes.plot(kept, heights, marker[label], ms=5, mfc="white", mec=colour[label], ls="none")
        if kept:
            found = summarise(kept)
            if found.low is not None and found.high is not None:
                bar = [found.low, found.high]
                axes.plot(
                    bar, [row - 0.17] * 2, "-", lw=2, color=colour[label], solid_capstyle="butt"
                )
            axes.plot([found.mean], [row - 0.17], marker[label], ms=6, color=colour[label])
    axes.set_ylim(len(values) - 0.5, -0.5)
    axes.set_yticks(range(len(values)), [wrapped(label) for label in values])
    axes.grid(axis="x")
    axes.tick_params(axis="y", length=0)


MOST_ANNOTATED = 14
"""With more columns than this a heat map's numbers are not readable; a colour bar replaces them."""


def percentages(axes: Axes, values: pd.DataFrame) -> None:
    """A heat map of percentages, one row a method, with its numbers; NaN is grey."""
    columns = [str(name) for name in values.columns]
    annotated = len(columns) <= MOST_ANNOTATED
    axes.set_facecolor("#E6E6E6")
    grid = np.ma.masked_invalid(values.to_numpy(dtype=float))
    mesh = axes.pcolormesh(grid, vmin=0, vmax=100, cmap="Blues", edgecolors="white", linewidth=1)
    axes.set_ylim(len(values), 0)
    axes.spines[:].set_visible(False)
    if not annotated:
        axes.figure.colorbar(mesh, ax=axes, label="%", shrink=0.6, aspect=15)
    for row, column in np.argwhere(~np.ma.getmaskarray(grid)) if annotated else ():
        number = float(grid[row, column])
        ink = "white" if number > 55 else "black"
        text = f"{number:.0f}"
        axes.text(column + 0.5, row + 0.5, text, ha="center", va="center", fontsize=8.5, color=ink)
    step = 1 if annotated else 2
    ticks = [index + 0.5 for index in range(0, len(columns), step)]
    axes.set_xticks(ticks, columns[::step], rotation=35, ha="right", rotation_mode="anchor")
    rows = [wrapped(str(label)) for label in values.index]
    axes.set_yticks([index + 0.5 for index in range(len(rows))], rows, rotation=0)
    axes.set(xlabel="", ylabel="")
    axes.tick_params(length=0)
