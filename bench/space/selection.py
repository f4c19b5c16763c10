"""From scores of operations to a cell with at most a given number of edges a node."""

from __future__ import annotations

import math

from torch import Tensor

from bench.space.genotype import Cell, Pair
from bench.space.skeleton import CellGraph


def strongest_edges(
    scores: Tensor, graph: CellGraph, operations: tuple[str, ...], per_node: int = 2
) -> tuple[Cell, list[int]]:
    """Per edge the operation of the highest score, per node the edges whose best is highest.

    scores: [edges, operations]; -inf marks what cannot be selected (`none` never can); an edge with
    nothing but -inf is empty. Returns the cell and the nodes that were left without an edge.
    Source: DARTS, section 2.3 (with per_node = 2: two edges from distinct predecessors). A space
    whose cells keep all edges has one operation on each of them, whatever `per_node` is.
    """
    table = scores.detach().cpu().tolist()
    allowed = [number for number, name in enumerate(operations) if name != "none"]
    cell: list[tuple[Pair, ...]] = []
    empty: list[int] = []
    for node in range(graph.nodes):
        ranked: list[tuple[float, int, int]] = []
        for edge in graph.of_node(node):
            best = max(allowed, key=lambda number: (table[edge][number], -number))
            if table[edge][best] > -math.inf:
                ranked.append((-table[edge][best], graph.edges[edge][0], best))
        kept = sorted(ranked)[: graph.kept(node, per_node)]
        cell.append(tuple((operations[best], source) for _, source, best in kept))
        if not kept:
            empty.append(node)
    return tuple(cell), empty
