"""The style of all figures: sizes, legends, captions, and files without dates in them."""

from __future__ import annotations

import functools
import io
import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal, ParamSpec

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import MaxNLocator
from PIL import Image

from bench import pictures

GREY = "#595959"
LEGEND_LINE = 0.21
"""The height of a line of a legend, inches."""
SMALL: dict[str, Any] = {"fontsize": 8, "color": GREY}
"""The look of small texts beside what they explain."""
DPI = 130
FORMATS = ("png", "svg", "pdf")
_NO_DATES: dict[str, dict[str, None]] = {
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}

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
    "svg.hashsalt": "analysis",  # identifiers inside an SVG are the same each time
    "svg.fonttype": "none",  # text stays text
    "pdf.fonttype": 42,
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
    sharey: bool | Literal["col"] = False,
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


def split_rows(panels: Sequence[Axes], columns: int) -> list[Sequence[Axes]]:
    """Panels in rows of `columns`."""
    return [panels[start : start + columns] for start in range(0, len(panels), columns)]


def create_blocks(
    datasets: Sequence[str], height: float, margin: float, width: float = 10.5
) -> tuple[Figure, list[SubFigure]]:
    """A wide figure with a titled block for each data set named; sizes in inches."""
    figure = create(width, margin + len(datasets) * height)
    blocks = list(figure.subfigures(len(datasets), 1, squeeze=False)[:, 0])
    for block, dataset in zip(blocks, datasets, strict=True):
        block.suptitle(f"Data set {dataset}", fontsize=11, weight="bold")
    return figure, blocks


def render(figure: Figure, kind: str = "png") -> bytes:
    """A figure as a file of one of `FORMATS`, whose bytes carry no date and no software version."""
    with _style():
        if kind != "png":
            buffer = io.BytesIO()
            figure.savefig(buffer, format=kind, metadata=_NO_DATES[kind])
            return buffer.getvalue()
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
    return pictures.to_png(Image.fromarray(np.asarray(canvas.buffer_rgba())), figure.dpi)


def wrap(label: str, width: int = 18) -> str:
    """A long label on several lines, broken after - and _ where there is one."""
    pieces = label.replace("_", "_\0").replace("-", "-\0").replace(":", ":\0").split("\0")
    lines = [""]
    for piece in pieces:
        if lines[-1] and len(lines[-1]) + len(piece) > width:
            lines.append("")
        lines[-1] += piece
    return "\n".join(part for line in lines for part in textwrap.wrap(line, width) or [""])


def add_legend_above(figure: Figure, panels: Sequence[Axes]) -> None:
    """One legend of all panels above the whole figure, in as many columns as it is wide.

    The figure grows by what the legend takes beyond a first line, so that no panel shrinks.
    """
    entries = _list_entries(panels)
    columns = int(13 * figure.get_figwidth() / (6 + max(map(len, entries), default=0)))
    lines = -(-len(entries) // max(1, columns))
    figure.set_figheight(figure.get_figheight() + LEGEND_LINE * max(0, lines - 1))
    look: dict[str, Any] = {"loc": "outside upper center", "ncols": max(1, columns)}
    figure.legend(list(entries.values()), list(entries), **look)


def add_legends(figure: Figure, rows: Sequence[Sequence[Axes]], groups: int) -> None:
    """One legend above where all panels show one group of methods, else one beside each row.

    rows: the panels of each row, from the left to the right, each of one group.
    """
    if groups == 1:
        add_legend_above(figure, [axes for panels in rows for axes in panels])
        return
    for panels in rows:
        entries = _list_entries(panels)
        place: dict[str, Any] = {"loc": "center left", "bbox_to_anchor": (1.01, 0.5)}
        panels[-1].legend(list(entries.values()), list(entries), **place)


def _list_entries(panels: Sequence[Axes]) -> dict[str, Any]:
    """What a legend has to explain: text -> the line or mark."""
    entries: dict[str, Any] = {}
    for axes in panels:
        for handle, name in zip(*axes.get_legend_handles_labels(), strict=True):
            entries.setdefault(name, handle)
    return entries


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
