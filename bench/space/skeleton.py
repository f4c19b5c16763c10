"""Geometry shared by the super-network and the discrete network: edges, stages, cell positions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

Skeleton = Literal["cifar", "mobile"]
"""What is before the cells: one convolution, or three of stride 2."""


@dataclass(frozen=True)
class StageGraph:
    """Edges whose source states become available together.

    `edges` are indices into `CellGraph.edges`, ordered by source and then by target; `targets`
    are node indices (0 is the first intermediate node).
    """

    sources: tuple[int, ...]
    targets: tuple[int, ...]
    edges: tuple[int, ...]


@dataclass(frozen=True)
class CellGraph:
    """A cell: every intermediate node sums over all earlier states.

    States are the cell's inputs and then its nodes. `edges` lists (source state, target node),
    by target and then by source: the order of the rows of mixture weights. `keeps_all`: a
    discrete cell may keep every edge, whatever number a node a method would keep elsewhere.
    """

    inputs: int
    nodes: int
    keeps_all: bool = False

    @cached_property
    def edges(self) -> tuple[tuple[int, int], ...]:
        return tuple(
            (source, node) for node in range(self.nodes) for source in range(self.inputs + node)
        )

    @cached_property
    def stages(self) -> tuple[StageGraph, ...]:
        """First from all cell inputs to every node, then from each node to all later ones."""
        index = {edge: number for number, edge in enumerate(self.edges)}
        groups = [(tuple(range(self.inputs)), tuple(range(self.nodes)))]
        groups += [
            ((self.inputs + node,), tuple(range(node + 1, self.nodes)))
            for node in range(self.nodes - 1)
        ]
        return tuple(
            StageGraph(sources, targets, tuple(index[s, t] for s in sources for t in targets))
            for sources, targets in groups
        )

    def kept(self, node: int, per_node: int) -> int:
        """How many edges into `node` a discrete cell keeps where a method would keep `per_node`."""
        sources = self.inputs + node
        return sources if self.keeps_all else min(per_node, sources)

    def of_node(self, node: int) -> tuple[int, ...]:
        """Indices of the edges into `node`."""
        return tuple(i for i, (_, target) in enumerate(self.edges) if target == node)


@dataclass(frozen=True)
class Position:
    """A cell of a network: its type, its input channels (last that of c_{k-1}) and its own."""

    index: int
    kind: str
    channels: int
    inputs: tuple[int, ...]
    previous_reduces: bool

    @property
    def reduces(self) -> bool:
        return self.kind == "reduce"


def darts_positions(
    cells: int, channels: int, nodes: int, stem_channels: int, stem_reduces: bool = False
) -> list[Position]:
    """The DARTS skeleton: reductions at 1/3 and 2/3 of the depth double the channels.

    stem_reduces: the first cell's inputs differ in size, as behind a reduction cell.
    """
    positions = []
    before, last, current = stem_channels, stem_channels, channels
    previous_reduces = stem_reduces
    for index in range(cells):
        reduces = index in (cells // 3, 2 * cells // 3)
        if reduces:
            current *= 2
        kind = "reduce" if reduces else "normal"
        positions.append(Position(index, kind, current, (before, last), previous_reduces))
        before, last = last, nodes * current
        previous_reduces = reduces
    return positions


def with_widths(positions: Sequence[Position], stem: int, widths: Sequence[int]) -> list[Position]:
    """The positions of a network whose cells give other numbers of channels.

    stem, widths: channels of the stem and of each cell's output.
    """
    given = [stem, stem, *widths]
    return [replace(p, inputs=(given[p.index], given[p.index + 1])) for p in positions]
