"""Drawn cells: whatever the cell, labels overlap neither each other nor a passing line."""

from __future__ import annotations

from itertools import combinations, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from support import synthetic

from analysis import cells
from analysis.cells.drawing import draw
from analysis.cells.layout import BEND, NODE_HEIGHT, Layout, arrange
from analysis.common import plots
from bench.errors import ResultsError
from bench.space.config import DARTS_OPERATIONS
from bench.space.genotype import Cell, Genotype

V2 = (
    "Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), "
    "('sep_conv_3x3', 1), ('sep_conv_3x3', 1), ('skip_connect', 0), ('skip_connect', 0), "
    "('dil_conv_3x3', 2)], normal_concat=[2, 3, 4, 5], reduce=[('max_pool_3x3', 0), "
    "('max_pool_3x3', 1), ('skip_connect', 2), ('max_pool_3x3', 1), ('max_pool_3x3', 0), "
    "('skip_connect', 2), ('skip_connect', 2), ('max_pool_3x3', 1)], reduce_concat=[2, 3, 4, 5])"
)
LOOKS = plots.Looks(("darts",))
OPERATIONS = [name for name in DARTS_OPERATIONS if name != "none"]


@st.composite
def any_cell(draw: st.DrawFn) -> tuple[Cell, int]:
    inputs = draw(st.integers(1, 3))
    nodes = [
        tuple(
            draw(
                st.sets(
                    st.tuples(st.sampled_from(OPERATIONS), st.integers(0, inputs + node - 1)),
                    max_size=8,
                )
            )
        )
        for node in range(draw(st.integers(0, 6)))
    ]
    return tuple(nodes), inputs


@settings(max_examples=150, deadline=None)
@given(any_cell())
def test_nothing_overlaps_a_label(case: tuple[Cell, int]) -> None:
    cell, inputs = case
    layout = arrange(cell, inputs)
    drawn = [(one, *layout.box(one)) for one in layout.connections]
    for (_, left, top, right, bottom), (_, left2, top2, right2, bottom2) in combinations(drawn, 2):
        apart = right <= left2 or right2 <= left or bottom <= top2 or bottom2 <= top
        assert apart
    for one in layout.connections:
        if one.side:
            start, end = layout.label_top[one.row + 1], layout.label_top[one.target] - BEND
            for other, left, top, right, bottom in drawn:
                passes = top < end and bottom > start and left < one.lane_x < right
                assert not passes, (one, other)
    assert_lanes_are_not_shared(layout)
    assert sum(len(one.operations) for one in layout.connections) == sum(map(len, cell))
    rows = [*layout.node_y, layout.output_y]
    assert all(below - above > NODE_HEIGHT for above, below in pairwise(rows))


def assert_lanes_are_not_shared(layout: Layout) -> None:
    passing = [one for one in layout.connections if one.side]
    for one, other in combinations(passing, 2):
        if one.lane_x == other.lane_x:
            rows = range(one.row + 1, one.target)
            assert not set(rows) & set(range(other.row + 1, other.target))


def test_labels_fit_their_boxes_as_rendered() -> None:
    figure = draw(Genotype.from_darts_text(V2), "DARTS_V2")
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw(renderer)
    texts = [text for axes in figure.axes for text in axes.texts]
    boxes = [text.get_window_extent(renderer) for text in texts]
    assert sorted(text.get_text() for text in texts if "conv" in text.get_text()) == sorted(
        ["sep_conv_3x3"] * 5 + ["dil_conv_3x3"]
    )
    for one, other in combinations(boxes, 2):
        assert not one.overlaps(other)
    width, height = figure.bbox.width, figure.bbox.height
    for axes, text, box in zip([text.axes for text in texts], texts, boxes, strict=True):
        assert box.x0 >= 0 and box.x1 <= width and box.y0 >= 0 and box.y1 <= height, text
        names = {one.get_text() for one in axes.texts}
        assert {"$c_{k-2}$", "$c_{k-1}$", "$c_k$", "0", "1", "2", "3"} <= names
    layout = arrange(Genotype.from_darts_text(V2).cells["normal"])
    widest = max(box.width for box in boxes if box.height) / plots.DPI
    assert widest < max(one.width for one in layout.connections) + 0.3


def test_every_operation_name_is_narrower_than_its_box() -> None:
    """On the rendered picture, since the layout only estimates a text's width."""
    names = [*DARTS_OPERATIONS, "noise", "nor_conv_1x1"]
    names.remove("none")
    for name in names:
        figure = draw(Genotype("darts", {"normal": (((name, 0),),)}), name)
        renderer = FigureCanvasAgg(figure).get_renderer()
        (text,) = (text for text in figure.axes[0].texts if text.get_text() == name)
        width = arrange((((name, 0),),)).connections[0].width
        assert text.get_window_extent(renderer).width / plots.DPI < width, name


def test_an_empty_node_is_said() -> None:
    found = Genotype.from_json({"space": "darts", "cells": {"normal": [[], [["skip_connect", 2]]]}})
    texts = [text.get_text() for text in draw(found, "empty").axes[0].texts]
    assert "0 (empty)" in texts and "1" in texts


def test_cells_by_position_wrap_into_rows() -> None:
    cell = [[["skip_connect", 0]]]
    positions = {str(position): cell for position in range(11)}
    figure = draw(Genotype.from_json({"space": "darts", "cells": positions}), "positions")
    titles = [axes.texts[0].get_text() for axes in figure.axes]
    assert titles == [f"Cell {position}" for position in range(11)]


def test_a_cell_of_nas_bench_201_has_one_input() -> None:
    text = "|skip_connect~0|+|none~0|none~1|+|nor_conv_3x3~0|none~1|none~2|"
    (axes,) = draw(Genotype.from_nas_bench_201_text(text), "one input").axes
    names = {text.get_text() for text in axes.texts}
    assert "$c_{k-1}$" in names and "$c_{k-2}$" not in names


def test_a_source_after_its_node_names_the_record() -> None:
    found = {"space": "darts", "cells": {"normal": [[["skip_connect", 2]]], "reduce": [[]]}}
    with pytest.raises(ResultsError, match=r"darts-digits-s0-.*node 0 takes input from 2"):
        cells.make(synthetic.record(found=found, epochs=0), LOOKS)


def test_a_picture_is_named_after_its_trial_and_says_its_accuracy() -> None:
    record = synthetic.record(seed=3, nodes=1, accuracy=0.9)
    ((name, figure),) = cells.make(record, LOOKS).items()
    assert name == f"cells/{record.trial.stem}.png"
    assert isinstance(figure, Figure)
    assert figure.texts[0].get_text() == "darts, digits, seed 3: test accuracy 90.00 %"
