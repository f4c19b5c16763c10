"""Every found cell as a picture."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, PathPatch, Rectangle
from matplotlib.path import Path as Line

from analysis.cells.layout import BEND, LINE, NODE_HEIGHT, Connection, Layout, arrange
from analysis.collapse.figures import cell_title
from analysis.common import plots
from analysis.common.operations import PARAMETER_FREE, cell_keys
from analysis.common.trials import Record, StudyFacts, genotype, stem
from analysis.truth import tables as truth
from bench.errors import ResultsError
from bench.space.genotype import Genotype

A_ROW = 3
"""Cells drawn side by side."""
INPUTS = 2
"""A cell of the DARTS space reads the outputs of the two cells before it."""
_MARGIN = 0.25
_TITLE = 0.34
_LEGEND = (
    "A box names the operation(s) of a connection; grey ones have no parameters (by the field's "
    "custom). Lines have the colour of their source. A node is the sum of what enters it. Thin "
    "grey line: concatenation of the nodes, or the last node where that is the cell's output."
)


def write(folder: Path, records: Sequence[Record], study: StudyFacts) -> list[Path]:
    """Write cells/<stem>.png for every record. Raises ResultsError where one has no valid cell."""
    written = []
    for record in records:
        trial = record["trial"]
        accuracy = 100 * record["evaluation"]["test"]["accuracy"]
        heading = (
            f"{trial['label']}, {trial['dataset']}, seed {trial['seed']}: "
            f"{truth.heading([record])} {accuracy:.2f} %"
        )
        try:
            with plots.style():
                found = genotype(record)
                drawn = draw(found, heading, 1 if found.space == "nas-bench-201" else INPUTS)
                written.append(plots.save(drawn, folder / "cells" / f"{stem(record)}.png"))
        except ValueError as error:
            raise ResultsError(f"record {stem(record)}: {error}") from error
    return written


def draw(found: Genotype, heading: str, inputs: int = INPUTS) -> Figure:
    """All cells of a genotype side by side, in a figure of the size that they need.

    Raises ValueError where a node's source does not come before it.
    """
    keys = cell_keys([found])
    layouts = {key: arrange(found.cells[key], inputs) for key in keys}
    rows = [keys[start : start + A_ROW] for start in range(0, len(keys), A_ROW)]
    width = max(6.5, *(sum(_width(layouts[key]) for key in row) for row in rows))
    above = textwrap.wrap(heading, int(width * 12))
    below = textwrap.wrap(_LEGEND, int(width * 15.5))
    heights = [max(_height(layouts[key]) for key in row) for row in rows]
    top, bottom = 0.16 + 0.19 * len(above), 0.14 + 0.15 * len(below)
    total = top + sum(heights) + bottom
    made = plots.figure(width, total)
    made.set_layout_engine("none")
    made.text(0.5, 1 - 0.08 / total, "\n".join(above), ha="center", va="top", fontsize=10.5)
    made.text(
        0.12 / width, 0.08 / total, "\n".join(below), va="bottom", fontsize=8, color=plots.GREY
    )
    y = total - top
    for row, height in zip(rows, heights, strict=True):
        spare = (width - sum(_width(layouts[key]) for key in row)) / (len(row) + 1)
        x = spare
        for key in row:
            layout = layouts[key]
            own = _height(layout)
            place = (x / width, (y - own) / total, _width(layout) / width, own / total)
            _draw_cell(made.add_axes(place), layout, cell_title(key).capitalize())
            x += _width(layout) + spare
        y -= height
    return made


def _width(layout: Layout) -> float:
    return layout.right - layout.left + 3 * _MARGIN


def _height(layout: Layout) -> float:
    return layout.output_y + NODE_HEIGHT + 2 * _MARGIN + _TITLE


def _draw_cell(axes: Axes, layout: Layout, title: str) -> None:
    axes.set_axis_off()
    axes.set_xlim(layout.left - _MARGIN, layout.right + 2 * _MARGIN)
    axes.set_ylim(layout.output_y + NODE_HEIGHT / 2 + _MARGIN, -NODE_HEIGHT / 2 - _MARGIN - _TITLE)
    axes.text(
        0, -NODE_HEIGHT / 2 - _TITLE, title, ha="center", va="center", fontsize=10, weight="bold"
    )
    _concatenation(axes, layout)
    for one in layout.connections:
        _connection(axes, layout, one)
    names = {1: ("$c_{k-1}$",), 2: ("$c_{k-2}$", "$c_{k-1}$")}
    for index, x in enumerate(layout.input_x):
        name = names.get(len(layout.input_x), ())
        text = name[index] if name else f"input {index}"
        _node(axes, x, 0, 0.8, text, _colour(index))
    for node in range(layout.nodes):
        empty = not layout.into(node)
        text = f"{node} (empty)" if empty else str(node)
        colour = plots.GREY if empty else _colour(len(layout.input_x) + node)
        _node(axes, 0, layout.node_y[node], layout.node_width[node], text, colour, empty)
    _node(axes, 0, layout.output_y, 0.8, "$c_k$", plots.GREY)


def _colour(source: int) -> str:
    return plots.OKABE_ITO[source % len(plots.OKABE_ITO)]


def _node(
    axes: Axes, x: float, y: float, width: float, text: str, colour: str, empty: bool = False
) -> None:
    axes.add_artist(
        FancyBboxPatch(
            (x - width / 2, y - NODE_HEIGHT / 2),
            width,
            NODE_HEIGHT,
            boxstyle="round,pad=0,rounding_size=0.1",
            facecolor="white",
            edgecolor=colour,
            linewidth=1.8,
            linestyle="--" if empty else "-",
            zorder=4,
        )
    )
    axes.text(x, y, text, ha="center", va="center", fontsize=9.5, zorder=5, parse_math=True)


def _connection(axes: Axes, layout: Layout, one: Connection) -> None:
    colour = _colour(one.source)
    if one.row < 0:
        start = (layout.input_x[one.source], NODE_HEIGHT / 2)
    else:
        start = (0.0, layout.node_y[one.row] + NODE_HEIGHT / 2)
    vertices, codes = [start], [Line.MOVETO]
    if one.side:
        _bend(vertices, codes, (one.lane_x, layout.label_top[one.row + 1]))
        vertices.append((one.lane_x, layout.label_top[one.target] - BEND))
        codes.append(Line.LINETO)
    _bend(vertices, codes, (one.x, layout.label_top[one.target]))
    left, top, _, bottom = layout.box(one)
    vertices.append((one.x, top))
    codes.append(Line.LINETO)
    axes.add_artist(
        PathPatch(Line(vertices, codes), fill=False, edgecolor=colour, lw=1.4, zorder=2)
    )
    _label(axes, one, left, top, colour)
    own = layout.into(one.target)
    step = layout.node_width[one.target] / (len(own) + 1)
    end_x = (own.index(one) + 1) * step - layout.node_width[one.target] / 2
    vertices, codes = [(one.x, bottom)], [Line.MOVETO]
    end = layout.node_y[one.target] - NODE_HEIGHT / 2
    _bend(vertices, codes, (end_x, end))
    axes.add_artist(
        FancyArrowPatch(
            path=Line(vertices, codes),
            arrowstyle="-|>",
            mutation_scale=8,
            color=colour,
            lw=1.4,
            zorder=2,
        )
    )


def _bend(
    vertices: list[tuple[float, float]], codes: list[np.uint8], end: tuple[float, float]
) -> None:
    """A curve from the last vertex, leaving and arriving vertically."""
    x, y = vertices[-1]
    half = (y + end[1]) / 2
    vertices += [(x, half), (end[0], half), end]
    codes += [Line.CURVE4] * 3


def _label(axes: Axes, one: Connection, left: float, top: float, colour: str) -> None:
    for index, name in enumerate(one.operations):
        shade = "#E2E2E2" if name in PARAMETER_FREE else "white"
        y = top + 0.03 + index * LINE
        axes.add_artist(Rectangle((left, y), one.width, LINE, facecolor=shade, lw=0, zorder=3))
        axes.text(one.x, y + LINE / 2, name, ha="center", va="center", fontsize=8, zorder=5)
    axes.add_artist(
        FancyBboxPatch(
            (left, top),
            one.width,
            one.height,
            fill=False,
            edgecolor=colour,
            lw=1,
            boxstyle="round,pad=0,rounding_size=0.04",
            zorder=4,
        )
    )


def _concatenation(axes: Axes, layout: Layout) -> None:
    x, end = layout.right + _MARGIN, layout.output_y
    first = layout.nodes - 1 if len(layout.input_x) == 1 else 0  # NAS-Bench-201: the last alone
    for node in range(first, layout.nodes):
        y = layout.node_y[node]
        axes.plot([0, x], [y, y], "-", color="#B5B5B5", lw=1, zorder=1)
    if layout.nodes:
        axes.plot([x, x], [layout.node_y[first], end], "-", color="#B5B5B5", lw=1, zorder=1)
        axes.annotate(
            "",
            (0.4, end),
            (x, end),
            zorder=1,
            arrowprops={
                "arrowstyle": "-|>",
                "color": "#B5B5B5",
                "lw": 1,
                "shrinkA": 0,
                "shrinkB": 0,
            },
        )
