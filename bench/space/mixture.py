"""What a method hands to the super-network: mixing weights and masks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from bench.space.genotype import Cell, Genotype
from bench.space.skeleton import CellGraph


@dataclass(frozen=True)
class CellMixture:
    """The mixture of one cell type (or cell position).

    weights: [edges, operations], or [batch, edges, operations] for a draw per example; edges in
        the order of `CellGraph.edges`, operations in the space's order. The weight of `none` is
        not looked at.
    variances: [edges, operations] or None. Given, a node is Normal with mean
        sum(weights * o(x)) and variance sum(variances * o(x)^2), drawn element by element.
    masks: operation -> [edges, slices] or [batch, edges, slices], factors of the operation's input
        channels; `Supernet.slices` says how many there are.
    bypass: [edges] or None for 1; weights of the channels left unmixed (PC-DARTS).
    shift: [nodes] or None; a constant added to every element of a node (GDAS: zero, for the sake of
        its gradient).
    active: operation -> edges whose operation is computed at all; None: all of them.
    """

    weights: Tensor
    variances: Tensor | None = None
    masks: Mapping[str, Tensor] = field(default_factory=dict)
    bypass: Tensor | None = None
    shift: Tensor | None = None
    active: Mapping[str, tuple[int, ...]] | None = None

    def computed(self, operation: str) -> tuple[int, ...] | None:
        """None: all edges; else those at which the operation is computed (perhaps none)."""
        return None if self.active is None else self.active.get(operation, ())


@dataclass(frozen=True)
class Mixture:
    """Cell mixtures by cell type ("normal") or by position ("0"), which takes precedence."""

    cells: Mapping[str, CellMixture]

    def cell(self, position: int, kind: str) -> CellMixture:
        own = self.cells.get(str(position))
        return own if own is not None else self.cells[kind]


def active_edges(cell: Cell, graph: CellGraph) -> dict[str, tuple[int, ...]]:
    """operation -> edges at which the cell keeps it."""
    index = {edge: number for number, edge in enumerate(graph.edges)}
    kept: dict[str, list[int]] = {}
    for node, pairs in enumerate(cell):
        for operation, source in pairs:
            kept.setdefault(operation, []).append(index[source, node])
    return {operation: tuple(sorted(edges)) for operation, edges in kept.items()}


def of_genotype(
    genotype: Genotype, operations: tuple[str, ...], graph: CellGraph, device: torch.device
) -> Mixture:
    """The mixture that computes exactly what the genotype keeps, each with weight 1.

    Raises ValueError for a genotype with output nodes: a super-network's cells concatenate all.
    """
    if genotype.outputs:
        raise ValueError(
            f"cell {next(iter(genotype.outputs))} leaves nodes out of its output, which a"
            " super-network does not"
        )
    cells = {}
    for key, cell in genotype.cells.items():
        active = active_edges(cell, graph)
        weights = torch.zeros(len(graph.edges), len(operations), device=device)
        for operation, edges in active.items():
            weights[list(edges), operations.index(operation)] = 1.0
        cells[key] = CellMixture(weights, active=active)
    return Mixture(cells)
