"""Where the parts of a drawn cell go, so that by construction no label overlaps anything.

A cell is drawn from the top (its inputs) to the bottom (its output), one row per node. A
connection's label sits right above the node that it enters. A connection that skips rows passes
them in a lane of its own, left or right of every label. Lines bend only in the gaps between labels
and nodes.
All lengths are inches; x is 0 in the middle, y is 0 at the inputs and grows downwards.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from bench.space.genotype import Cell

CHARACTER = 0.078
"""Width of a label's character, generously."""
LINE = 0.19
"""Height of a label's line."""
PADDING = 0.14
NODE_HEIGHT = 0.30
BEND = 0.36
"""Height of the gaps in which lines bend."""
LANE = 0.17


@dataclass
class Connection:
    """All operations between one source and one node, and where they are drawn."""

    source: int
    target: int
    operations: tuple[str, ...]
    row: int
    """The source's row: -1 for the inputs, else its node."""
    x: float = 0.0
    side: int = 0
    """-1: passes rows at the left; 1: at the right; 0: its source is in the row above."""
    lane: int = 0
    lane_x: float = 0.0

    @property
    def width(self) -> float:
        return max(len(name) for name in self.operations) * CHARACTER + PADDING

    @property
    def height(self) -> float:
        return len(self.operations) * LINE + 0.06


@dataclass
class Layout:
    """Positions of a cell's parts. `label_top`, `label_bottom`, `node_y` are by node."""

    connections: list[Connection]
    input_x: list[float]
    nodes: int
    outputs: tuple[int, ...]
    """The nodes that make the cell's output."""
    label_top: list[float] = field(default_factory=list)
    label_bottom: list[float] = field(default_factory=list)
    node_y: list[float] = field(default_factory=list)
    node_width: list[float] = field(default_factory=list)
    output_y: float = 0.0
    left: float = 0.0
    right: float = 0.0
    """The outermost x of everything but the concatenation's line, which is right of it."""

    def into(self, node: int) -> list[Connection]:
        """The connections that enter a node, from the left to the right."""
        found = [one for one in self.connections if one.target == node]
        return sorted(found, key=lambda one: one.x)

    def box(self, one: Connection) -> tuple[float, float, float, float]:
        """(left, top, right, bottom) of a connection's label."""
        bottom = self.label_bottom[one.target]
        return one.x - one.width / 2, bottom - one.height, one.x + one.width / 2, bottom


def arrange(cell: Cell, inputs: int = 2, outputs: tuple[int, ...] | None = None) -> Layout:
    """Place a cell; outputs: the nodes that make its output, where these are not all.

    Raises ValueError where a node's source does not come before it.
    """
    connections = _connections(cell, inputs)
    middle = (inputs - 1) / 2
    places = [(index - middle) * 1.3 for index in range(inputs)]
    outputs = tuple(range(len(cell))) if outputs is None else outputs
    layout = Layout(connections, places, len(cell), outputs)
    _choose_lanes(connections, layout.input_x)
    widths = [_place_labels(layout, node) for node in range(len(cell))]
    passed = {row for one in connections if one.side for row in _rows(one)}
    edge = max([0.5, *(widths[row] / 2 for row in passed)])
    for one in connections:
        one.lane_x = one.side * (edge + LANE * (one.lane + 1))
    _place_rows(layout)
    reach = [abs(x) + 0.4 for x in layout.input_x] + [width / 2 for width in widths]
    reach += [width / 2 for width in layout.node_width]
    layout.left = -max([*reach, *(-one.lane_x for one in connections)])
    layout.right = max([*reach, *(one.lane_x for one in connections)])
    return layout


def _connections(cell: Cell, inputs: int) -> list[Connection]:
    found: dict[tuple[int, int], list[str]] = defaultdict(list)
    for target, node in enumerate(cell):
        for operation, source in node:
            if not 0 <= source < inputs + target:
                raise ValueError(f"node {target} takes input from {source}, which is not before it")
            found[source, target].append(operation)
    return [
        Connection(source, target, tuple(names), max(source - inputs, -1))
        for (source, target), names in sorted(found.items())
    ]


def _rows(one: Connection) -> range:
    """The rows of labels that a connection passes before its own."""
    return range(one.row + 1, one.target)


def _choose_lanes(connections: list[Connection], input_x: list[float]) -> None:
    """Give each connection that skips rows the innermost free lane; short ones first."""
    taken: dict[tuple[int, int], set[int]] = defaultdict(set)
    skipping = [one for one in connections if len(_rows(one))]
    for one in sorted(skipping, key=lambda one: (len(_rows(one)), one.source, one.target)):
        rows = set(_rows(one))
        free = {
            side: next(lane for lane in range(10_000) if not taken[side, lane] & rows)
            for side in (-1, 1)
        }
        if one.row < 0 and input_x[one.source]:
            one.side = 1 if input_x[one.source] > 0 else -1
        else:
            one.side = -1 if free[-1] <= free[1] else 1
        one.lane = free[one.side]
        taken[one.side, one.lane] |= rows


def _place_labels(layout: Layout, node: int) -> float:
    """Put a node's labels side by side, in the order in which their lines arrive; their width."""

    def arrival(one: Connection) -> tuple[float, int]:
        if one.side:
            return one.side * (100.0 + one.lane), one.source
        return (layout.input_x[one.source] if one.row < 0 else 0.0), one.source

    own = sorted((one for one in layout.connections if one.target == node), key=arrival)
    gap = 0.12
    total = sum(one.width for one in own) + gap * max(len(own) - 1, 0)
    x = -total / 2
    for one in own:
        one.x = x + one.width / 2
        x += one.width + gap
    layout.node_width.append(max(0.95, 0.22 * (len(own) + 1)))
    return total


def _place_rows(layout: Layout) -> None:
    y = NODE_HEIGHT / 2
    for node in range(layout.nodes):
        height = max((one.height for one in layout.into(node)), default=0.0)
        layout.label_top.append(y + BEND)
        layout.label_bottom.append(y + BEND + height)
        y += BEND + height + BEND * 0.8
        layout.node_y.append(y + NODE_HEIGHT / 2)
        y += NODE_HEIGHT
    layout.output_y = y + BEND * 0.8 + NODE_HEIGHT / 2
