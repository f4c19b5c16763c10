"""Selection among operations that are alive; nothing dead is ranked silently."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from bench.method import Task
from bench.space.genotype import Genotype, Node
from bench.space.selection import strongest_edges


def select_alive(
    task: Task, scores: Mapping[str, Tensor], alive: Mapping[str, Tensor], per_node: int | None
) -> tuple[Genotype, dict[str, Any]]:
    """A genotype from scores [edges, operations] and what is alive, by cell key.

    per_node: the best operation of the best edges, so many a node; None: everything alive.
    A node with nothing alive keeps its best dead operation (a network needs one) and is listed
    under `forced`. Returns the genotype and {alive, candidates, forced, empty_edges}.
    """
    cells, forced = {}, []
    empty_edges = 0
    for key, score in scores.items():
        ranked = score.masked_fill(~alive[key], float("-inf"))
        if per_node is None:
            nodes = _everything(task, alive[key])
            missing = [node for node, pairs in enumerate(nodes) if not pairs]
        else:
            cell, missing = strongest_edges(ranked, task.graph, task.space.operations, per_node)
            nodes = list(cell)
        if missing:
            best, _ = strongest_edges(_ranks(score), task.graph, task.space.operations, 1)
            for node in missing:
                nodes[node] = best[node]
                forced.append(f"{key}:{node}")
        cells[key] = tuple(nodes)
        empty_edges += int((~alive[key].any(-1)).sum())
    details = {
        "alive": sum(int(a.sum()) for a in alive.values()),
        "candidates": sum(len(task.candidates) * len(task.graph.edges) for _ in alive),
        "forced": forced,
        "empty_edges": empty_edges,
    }
    return Genotype(task.space.name, cells), details


def _everything(task: Task, alive: Tensor) -> list[Node]:
    nodes: list[list[tuple[str, int]]] = [[] for _ in range(task.graph.nodes)]
    for edge, (source, node) in enumerate(task.graph.edges):
        for column in alive[edge].nonzero().flatten().tolist():
            nodes[node].append((task.space.operations[column], source))
    return [tuple(node) for node in nodes]


def _ranks(score: Tensor) -> Tensor:
    """Scores in the same order but finite, so that even a mean of exactly 0 can be forced."""
    return torch.nan_to_num(score, neginf=torch.finfo(score.dtype).min)
