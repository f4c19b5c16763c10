"""The look that all figures share: style, colours, captions, and files without dates in them."""

from __future__ import annotations

import functools
import io
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ParamSpec

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import MaxNLocator

from analysis.common.intervals import Summarise, summarise
from bench.records.facts import StudyFacts
from bench.records.schema import FinishedRecord

OKABE_ITO = (
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#8C8C8C",
)  # fmt: skip
"""Distinguishable with every common colour vision (Okabe and Ito 2008, without its yellow)."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
DASHES = ("-", "--", ":", "-.")
GREY = "#595959"
SMALL: dict[str, Any] = {"fontsize": 8, "color": GREY}
"""The look of small texts beside what they explain."""
DPI = 130
MOST_ANNOTATED = 14
"""With more columns than this a heat map's numbers are not readable; a colour bar replaces them."""

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
P = ParamSpec("P")


@contextmanager
def _style() -> Iterator[None]:
    """Matplotlib's defaults and then ours, whatever the user's own settings are."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(STYLE)
        yield


def styled(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Let a function draw its figure in the style that all figures share."""

    @functools.wraps(draw)
    def draw_styled(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with _style():
            return draw(*args, **kwargs)

    return draw_styled


def create(width: float, height: float) -> Figure:
    """An empty figure, inches, drawn by Agg and not known to pyplot."""
    return Figure(figsize=(width, height), dpi=DPI, layout="constrained")


def create_panels(
    count: int,
    size: tuple[float, float],
    *,
    columns: int | None = None,
    least_width: float = 0.0,
    margin: float = 0.0,
    sharey: bool = False,
) -> tuple[Figure, list[Axes]]:
    """A figure of `count` panels, each of a size in inches, in rows of at most `columns`.

    `margin`: the height of what is above and below all rows.
    """
    columns = min(columns or count, count)
    rows = -(-count // columns)
    figure = create(max(least_width, size[0] * columns), margin + size[1] * rows)
    panels = list(figure.subplots(rows, columns, squeeze=False, sharey=sharey).flat)
    for axes in panels[count:]:
        axes.set_visible(False)
    return figure, panels[:count]


def create_blocks(
    datasets: Sequence[str], height: float, margin: float
) -> tuple[Figure, list[SubFigure]]:
    """A wide figure with a titled block for each data set; `height`, `margin` in inches."""
    figure = create(10.5, margin + len(datasets) * height)
    blocks = list(figure.subfigures(len(datasets), 1, squeeze=False)[:, 0])
    for block, dataset in zip(blocks, datasets, strict=True):
        block.suptitle(f"Data set {dataset}", fontsize=11, weight="bold")
    return figure, blocks


def render(figure: Figure) -> bytes:
    """A figure as a PNG, whose bytes carry no date and no software version."""
    buffer = io.BytesIO()
    with _style():
        FigureCanvasAgg(figure).print_png(buffer, metadata={"Software": None})
    return buffer.getvalue()


@dataclass(frozen=True)
class Looks:
    """Each method's colour, marker and line style, the same in every figure of a study.

    `labels`: those of the study, in its order, whether they have records or not, and then any
    others. No two of the first 32 look the same, and colour is never the only difference.
    """

    labels: tuple[str, ...]

    @classmethod
    def choose(cls, records: Iterable[FinishedRecord], facts: StudyFacts) -> Looks:
        """The looks of a study's methods."""
        present = sorted({record.trial.label for record in records})
        return cls(tuple(dict.fromkeys((*facts.labels, *present))))

    def colour(self, label: str) -> str:
        """The colour of a method's lines and marks."""
        return OKABE_ITO[self.labels.index(label) % len(OKABE_ITO)]

    def marker(self, label: str) -> str:
        """The marker of a method's points."""
        return MARKERS[self._shifted(label) % len(MARKERS)]

    def line(self, label: str) -> dict[str, Any]:
        """How a method's lines are drawn: colour and style."""
        return {"color": self.colour(label), "ls": DASHES[self._shifted(label) % len(DASHES)]}

    def _shifted(self, label: str) -> int:
        """One further with each round of the colours, so that no colour meets its mark again."""
        index = self.labels.index(label)
        return index + index // len(OKABE_ITO)

    def list_present(self, frame: pd.DataFrame) -> list[str]:
        """The methods that have rows in a table, in the study's order."""
        present = set(frame["method"])
        return [label for label in self.labels if label in present]


def wrap(label: str, width: int = 18) -> str:
    """A long label on several lines, broken after - and _ where there is one."""
    pieces = label.replace("_", "_\0").replace("-", "-\0").replace(":", ":\0").split("\0")
    lines = [""]
    for piece in pieces:
        if lines[-1] and len(lines[-1]) + len(piece) > width:
            lines.append("")
        lines[-1] += piece
    return "\n".join(part for line in lines for part in textwrap.wrap(line, width) or [""])


def add_legend_above(figure: Figure, axes: Axes) -> None:
    """The legend of `axes` above the whole figure, in as many columns as it is wide."""
    handles, texts = axes.get_legend_handles_labels()
    columns = int(13 * figure.get_figwidth() / (6 + max(map(len, texts), default=0)))
    figure.legend(handles, texts, loc="outside upper center", ncols=max(1, columns))


def add_caption(figure: Figure, text: str) -> None:
    """A caption below all axes, as wide as the figure."""
    characters = int(figure.get_size_inches()[0] * 15.5)
    figure.supxlabel("\n".join(textwrap.wrap(text, characters)), x=0.01, ha="left", **SMALL)


def label_epochs(axes: Axes) -> None:
    """Make the x axis that of search epochs, with ticks at whole numbers."""
    axes.set_xlabel("Search epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))


def label_methods(axes: Axes, labels: Sequence[str]) -> None:
    """Make the y axis that of methods, one row each, the first at the top."""
    axes.set_ylim(len(labels) - 0.5, -0.5)
    axes.set_yticks(range(len(labels)), [wrap(label) for label in labels])
    axes.grid(axis="x")
    axes.tick_params(axis="y", length=0)


def draw_mean_by_epoch(
    axes: Axes,
    rows: pd.DataFrame,
    column: str,
    *,
    summarise: Summarise = summarise,
    **look: Any,
) -> None:
    """The mean of a column over the seeds of each epoch, with its 95 % interval as a band.

    `summarise`: of measures or of accuracies; `look`: how the line is drawn.
    """
    groups = [(epoch, part[column].to_numpy(float)) for epoch, part in rows.groupby("epoch")]
    epochs = np.array([epoch for epoch, _ in groups])
    axes.plot(epochs, [values.mean() for _, values in groups], **look)
    low, high = zip(*(summarise(values).bounds for _, values in groups), strict=True)
    axes.fill_between(epochs, low, high, color=look["color"], alpha=0.15, lw=0)


def draw_methods_by_epoch(
    axes: Axes,
    epochs: pd.DataFrame,
    ends: pd.DataFrame,
    column: str,
    labels: Sequence[str],
    looks: Looks,
    *,
    summarise: Summarise = summarise,
) -> None:
    """A line for each method: its mean by epoch or, without rows by epoch, a level of its ends.

    `summarise`: of measures or of accuracies.
    """
    for label in labels:
        own = epochs[epochs["method"] == label].dropna(subset=[column])
        if len(own):
            look = {"label": label, "lw": 1.6, **looks.line(label)}
            draw_mean_by_epoch(axes, own, column, summarise=summarise, **look)
        else:
            level = ends.loc[ends["method"] == label, column].mean()
            axes.axhline(level, label=label, lw=1.0, **looks.line(label))
    axes.grid(axis="y")


def draw_points_by_method(axes: Axes, values: Mapping[str, Sequence[float]], looks: Looks) -> None:
    """One row per method: hollow, its trials; filled, above them, their mean with its interval.

    `values`: by label, in the order of the rows from the top. Trials of one value are stacked, so
    that each can be counted.
    """
    for row, (label, numbers) in enumerate(values.items()):
        colour, marker = looks.colour(label), looks.marker(label)
        kept = sorted(number for number in numbers if number == number)
        step = min(0.12, 0.5 / max(map(kept.count, kept), default=1))  # stacks end in their row
        heights = [row + 0.12 + step * kept[:index].count(one) for index, one in enumerate(kept)]
        axes.plot(kept, heights, marker, ms=5, mfc="white", mec=colour, ls="none")
        if kept:
            summary = summarise(kept)
            if summary.low is not None and summary.high is not None:
                ends = [summary.low, summary.high]
                axes.plot(ends, [row - 0.17] * 2, "-", lw=2, color=colour, solid_capstyle="butt")
            axes.plot([summary.mean], [row - 0.17], marker, ms=6, color=colour)
    label_methods(axes, list(values))


def draw_heat_map(axes: Axes, values: pd.DataFrame) -> None:
    """A heat map of percentages, one row per method, with its numbers; NaN is grey."""
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
    rows = [wrap(str(label)) for label in values.index]
    axes.set_yticks([index + 0.5 for index in range(len(rows))], rows, rotation=0)
    axes.set(xlabel="", ylabel="")
    axes.tick_params(length=0)
