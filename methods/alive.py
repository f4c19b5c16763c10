"""Selection among operations that are alive; nothing dead is ranked silently."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from bench.data.splits import Split
from bench.method import Task
from bench.space.genotype import Cell, Genotype, Node
from bench.space.selection import strongest_edges
from bench.space.supernet import Supernet

EmptyEdges = Literal["data", "posterior", "never"]
"""Which edges with nothing alive stay empty: those that held-out images do not miss; all; none."""
Tables = Mapping[str, Tensor]
"""Cell key -> [edges, operations]."""

BATCH = 250
"""Validation images of one forward pass."""


def select_alive(
    task: Task, scores: Tables, alive: Tables, per_node: int | None, keep_dead: bool = False
) -> tuple[Genotype, dict[str, Any]]:
    """A genotype from the operations' scores and from which of them are alive.

    per_node: the best operation of the best edges, so many per node; None: everything alive.
    An edge with nothing alive is left empty; keep_dead: it keeps its best dead operation and ranks
    behind every edge that has one alive. A node into which nothing is alive is listed under
    `forced`; where it would have no edge it keeps the best operation of all its edges, for a
    network needs one. Returns the genotype and {alive, candidates, forced, dead_edges}; dead_edges
    is the number of edges with nothing alive.
    """
    cells: dict[str, Cell] = {}
    forced: list[str] = []
    dead_edges = 0
    for key, score in scores.items():
        dead = ~alive[key].any(-1, keepdim=True)
        dead_edges += int(dead.sum())
        ranked = _ranks(score) + alive[key] * score.numel()
        kept = alive[key] | dead if keep_dead else alive[key]
        nodes = _nodes(task, ranked.masked_fill(~kept, float("-inf")), alive[key], per_node)
        for node in range(task.graph.nodes):
            edges = list(task.graph.of_node(node))
            if dead[edges].all():
                forced.append(f"{key}:{node}")
            if not nodes[node]:
                nodes[node] = (_best_pair(task, ranked, edges),)
        cells[key] = tuple(nodes)
    details = {
        "alive": sum(int(a.sum()) for a in alive.values()),
        "candidates": sum(len(task.candidates) * len(task.graph.edges) for _ in alive),
        "forced": forced,
        "dead_edges": dead_edges,
    }
    return Genotype(task.space.name, cells), details


def remove_idle(
    genotype: Genotype, alive: Tables, scores: Tables, supernet: Supernet, validation: Split
) -> tuple[Genotype, int]:
    """Without the dead operations whose removal costs nothing on held-out images; how many went.

    One after another, the lowest score first, each on the cell that the earlier ones have left:
    the discretised super-network (inherited weights, the batch's own statistics) is run with and
    without the operation, and removing it costs nothing where the mean cross-entropy rises by no
    more than the standard error of its difference over the images. A node's last operation stays.
    """
    dead = _dead(genotype, alive, scores, supernet)
    loss = _losses(supernet, genotype, validation) if dead else torch.zeros(0)
    removed = 0
    for _, key, node, operation, source in sorted(dead):
        cell = list(genotype.cells[key])
        cell[node] = tuple(pair for pair in cell[node] if pair != (operation, source))
        if not cell[node]:
            continue
        smaller = replace(genotype, cells={**genotype.cells, key: tuple(cell)})
        without = _losses(supernet, smaller, validation)
        rise = without - loss
        if rise.mean() <= rise.std() / len(rise) ** 0.5:
            genotype, loss, removed = smaller, without, removed + 1
    return genotype, removed


def _dead(
    genotype: Genotype, alive: Tables, scores: Tables, supernet: Supernet
) -> list[tuple[float, str, int, str, int]]:
    """(score, cell key, node, operation, source) of what is kept although it is dead."""
    index = {edge: number for number, edge in enumerate(supernet.graph.edges)}
    found = []
    for key, node, operation, source in genotype.pairs():
        place = index[source, node], supernet.space.operations.index(operation)
        if not alive[key][place]:
            found.append((float(scores[key][place]), key, node, operation, source))
    return found


@torch.no_grad()
def _losses(supernet: Supernet, genotype: Genotype, validation: Split) -> Tensor:
    """Cross-entropy of every image, nats: float64 [images]."""
    mixture = supernet.genotype_mixture(genotype)
    return torch.cat(
        [
            F.cross_entropy(supernet(images, mixture), labels, reduction="none").double()
            for images, labels in validation.sequential(BATCH)
        ]
    )


def _nodes(task: Task, ranked: Tensor, alive: Tensor, per_node: int | None) -> list[Node]:
    """ranked: [edges, operations], -inf where an operation is out of the question."""
    names = task.space.operations
    if per_node is not None:
        return list(strongest_edges(ranked, task.graph, names, per_node)[0])
    nodes: list[set[tuple[str, int]]] = [set() for _ in range(task.graph.nodes)]
    for edge, (source, node) in enumerate(task.graph.edges):
        columns = alive[edge].nonzero().flatten().tolist()
        if not columns and ranked[edge].isfinite().any():
            nodes[node].add(_best_pair(task, ranked, [edge]))
        nodes[node].update((names[column], source) for column in columns)
    return [tuple(node) for node in nodes]


def _best_pair(task: Task, ranked: Tensor, edges: list[int]) -> tuple[str, int]:
    """The operation of the highest rank other than `none` on any of these edges."""
    columns = list(task.candidates)
    place = int(ranked[edges][:, columns].argmax())
    edge, column = edges[place // len(columns)], columns[place % len(columns)]
    return task.space.operations[column], task.graph.edges[edge][0]


def _ranks(score: Tensor) -> Tensor:
    """0 for the smallest score, equal ones alike: finite even where a score is not."""
    _, ranks = score.unique(return_inverse=True)
    return ranks.to(torch.float32)
