"""A genotype's cells as a picture."""

from __future__ import annotations

import textwrap
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, PathPatch, Rectangle
from matplotlib.path import Path as Line

from analysis.cells.layout import BEND, LINE, NODE_HEIGHT, Connection, Layout, arrange
from analysis.common import plots
from analysis.common.operations import PARAMETER_FREE, name_cell, order_cell_keys
from bench.space.genotype import Genotype

Point = tuple[float, float]

CELLS_PER_ROW = 3
INPUTS = 2
"""A cell of the DARTS space reads the outputs of the two cells before it."""
_MARGIN = 0.25
_TITLE = 0.34
_LEGEND = (
    "A box names the operation(s) of a connection; grey ones have no parameters (by the field's "
    "custom). Lines have the colour of their source. A node is the sum of what enters it. Thin "
    "grey line: concatenation of the nodes, or the last node where that is the cell's output."
)


@plots.styled
def draw(genotype: Genotype, heading: str) -> Figure:
    """All cells of a genotype side by side, in a figure of the size that they need.

    Raises ValueError where a node's source does not come before it.
    """
    keys = order_cell_keys([genotype])
    layouts = {key: _arrange(genotype, key) for key in keys}
    rows = [keys[start : start + CELLS_PER_ROW] for start in range(0, len(keys), CELLS_PER_ROW)]
    width = max(6.5, *(sum(_width(layouts[key]) for key in row) for row in rows))
    above = textwrap.wrap(heading, int(width * 12))
    below = textwrap.wrap(_LEGEND, int(width * 15.5))
    heights = [max(_height(layouts[key]) for key in row) for row in rows]
    top, bottom = 0.16 + 0.19 * len(above), 0.14 + 0.15 * len(below)
    total = top + sum(heights) + bottom
    figure = plots.create(width, total)
    figure.set_layout_engine("none")
    figure.text(0.5, 1 - 0.08 / total, "\n".join(above), ha="center", va="top", fontsize=10.5)
    figure.text(0.12 / width, 0.08 / total, "\n".join(below), va="bottom", **plots.SMALL)
    y = total - top
    for row, height in zip(rows, heights, strict=True):
        spare = (width - sum(_width(layouts[key]) for key in row)) / (len(row) + 1)
        x = spare
        for key in row:
            layout = layouts[key]
            own = _height(layout)
            place = (x / width, (y - own) / total, _width(layout) / width, own / total)
            _draw_cell(figure.add_axes(place), layout, name_cell(key).capitalize())
            x += _width(layout) + spare
        y -= height
    return figure


def _arrange(genotype: Genotype, key: str) -> Layout:
    cell, outputs = genotype.cells[key], genotype.output_nodes(key)
    if genotype.space == "nas-bench-201":  # one input; the last node alone is the output
        return arrange(cell, 1, outputs[-1:])
    return arrange(cell, INPUTS, outputs)


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
    _draw_concatenation(axes, layout)
    for one in layout.connections:
        _draw_connection(axes, layout, one)
    names = {1: ("$c_{k-1}$",), 2: ("$c_{k-2}$", "$c_{k-1}$")}
    for index, x in enumerate(layout.input_x):
        name = names.get(len(layout.input_x), ())
        text = name[index] if name else f"input {index}"
        _draw_node(axes, x, 0, 0.8, text, _colour(index))
    for node in range(layout.nodes):
        empty = not layout.into(node)
        text = f"{node} (empty)" if empty else str(node)
        colour = plots.GREY if empty else _colour(len(layout.input_x) + node)
        _draw_node(axes, 0, layout.node_y[node], layout.node_width[node], text, colour, empty=empty)
    _draw_node(axes, 0, layout.output_y, 0.8, "$c_k$", plots.GREY)


def _colour(source: int) -> str:
    return plots.OKABE_ITO[source % len(plots.OKABE_ITO)]


def _draw_node(
    axes: Axes, x: float, y: float, width: float, text: str, colour: str, *, empty: bool = False
) -> None:
    corner = x - width / 2, y - NODE_HEIGHT / 2
    look = {"fc": "white", "ec": colour, "lw": 1.8, "ls": "--" if empty else "-"}
    _draw_box(axes, corner, (width, NODE_HEIGHT), 0.1, **look)
    axes.text(x, y, text, ha="center", va="center", fontsize=9.5, zorder=5, parse_math=True)


def _draw_box(
    axes: Axes, corner: Point, size: tuple[float, float], rounding: float, **look: Any
) -> None:
    style = f"round,pad=0,rounding_size={rounding}"
    axes.add_artist(FancyBboxPatch(corner, *size, boxstyle=style, zorder=4, **look))


def _draw_connection(axes: Axes, layout: Layout, one: Connection) -> None:
    colour = _colour(one.source)
    if one.row < 0:
        start = (layout.input_x[one.source], NODE_HEIGHT / 2)
    else:
        start = (0.0, layout.node_y[one.row] + NODE_HEIGHT / 2)
    vertices, codes = [start], [Line.MOVETO]
    if one.side:
        _add_bend(vertices, codes, (one.lane_x, layout.label_top[one.row + 1]))
        vertices.append((one.lane_x, layout.label_top[one.target] - BEND))
        codes.append(Line.LINETO)
    _add_bend(vertices, codes, (one.x, layout.label_top[one.target]))
    left, top, _, bottom = layout.box(one)
    vertices.append((one.x, top))
    codes.append(Line.LINETO)
    path = Line(vertices, codes)
    axes.add_artist(PathPatch(path, fill=False, edgecolor=colour, lw=1.4, zorder=2))
    _draw_label(axes, one, left, top, colour)
    own = layout.into(one.target)
    step = layout.node_width[one.target] / (len(own) + 1)
    end_x = (own.index(one) + 1) * step - layout.node_width[one.target] / 2
    vertices, codes = [(one.x, bottom)], [Line.MOVETO]
    _add_bend(vertices, codes, (end_x, layout.node_y[one.target] - NODE_HEIGHT / 2))
    look: dict[str, Any] = {"mutation_scale": 8, "color": colour, "lw": 1.4, "zorder": 2}
    axes.add_artist(FancyArrowPatch(path=Line(vertices, codes), arrowstyle="-|>", **look))


def _add_bend(vertices: list[Point], codes: list[np.uint8], end: Point) -> None:
    """A curve from the last vertex, leaving and arriving vertically."""
    x, y = vertices[-1]
    half = (y + end[1]) / 2
    vertices += [(x, half), (end[0], half), end]
    codes += [Line.CURVE4] * 3


def _draw_label(axes: Axes, one: Connection, left: float, top: float, colour: str) -> None:
    for index, name in enumerate(one.operations):
        shade = "#E2E2E2" if name in PARAMETER_FREE else "white"
        y = top + 0.03 + index * LINE
        axes.add_artist(Rectangle((left, y), one.width, LINE, facecolor=shade, lw=0, zorder=3))
        axes.text(one.x, y + LINE / 2, name, ha="center", va="center", fontsize=8, zorder=5)
    _draw_box(axes, (left, top), (one.width, one.height), 0.04, fill=False, ec=colour, lw=1)


def _draw_concatenation(axes: Axes, layout: Layout) -> None:
    x, end = layout.right + _MARGIN, layout.output_y
    for node in layout.outputs:
        y = layout.node_y[node]
        axes.plot([0, x], [y, y], "-", color="#B5B5B5", lw=1, zorder=1)
    if layout.outputs:
        axes.plot(
            [x, x], [layout.node_y[layout.outputs[0]], end], "-", color="#B5B5B5", lw=1, zorder=1
        )
        arrow = {"arrowstyle": "-|>", "color": "#B5B5B5", "lw": 1, "shrinkA": 0, "shrinkB": 0}
        axes.annotate("", (0.4, end), (x, end), zorder=1, arrowprops=arrow)
