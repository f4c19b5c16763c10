"""Architecture-weight pairs drawn from a posterior and evaluated with inherited weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from bench.data.splits import Split
from bench.method import Task
from bench.space.config import SpaceConfig
from bench.space.genotype import Genotype, Pair
from bench.space.lanes.memory import plan_programs, split_evenly
from bench.space.lanes.network import LaneNetwork
from bench.space.mixture import CellMixture, Mixture
from bench.space.skeleton import CellGraph
from bench.space.supernet import Supernet
from bench.training.measure import measure, measure_lanes
from bench.training.side_by_side import side_by_side


@dataclass(frozen=True)
class Candidate:
    """Which operations are there: cell key -> [edges, operations], boolean.

    masks: cell key -> operation -> hard factors of its input channels, or empty.
    """

    kept: dict[str, Tensor]
    masks: dict[str, dict[str, Tensor]]

    @property
    def size(self) -> int:
        """Number of operations kept."""
        return sum(int(kept.sum()) for kept in self.kept.values())

    def genotype(self, space: SpaceConfig, graph: CellGraph) -> Genotype:
        """The native architecture: every operation kept; a node may have none, or many."""
        cells = {}
        for key, kept in self.kept.items():
            nodes: list[list[Pair]] = [[] for _ in range(graph.nodes)]
            for edge, column in kept.nonzero().tolist():
                source, node = graph.edges[edge]
                if space.operations[column] != "none":
                    nodes[node].append((space.operations[column], source))
            cells[key] = tuple(map(tuple, nodes))
        return Genotype(space.name, cells)

    def mixture(self, operations: tuple[str, ...], device: torch.device) -> Mixture:
        """Computes the kept operations alone."""
        cells = {}
        for key, kept in self.kept.items():
            active = {
                name: tuple(kept[:, column].nonzero().flatten().tolist())
                for column, name in enumerate(operations)
                if name != "none"
            }
            masks = {name: mask.to(device) for name, mask in self.masks.get(key, {}).items()}
            cells[key] = CellMixture(kept.float().to(device), masks=masks, active=active)
        return Mixture(cells)


def accuracies(
    candidates: list[Candidate],
    supernet: Supernet,
    validation: Split,
    batch_size: int,
    lanes: int | None = None,
) -> list[float]:
    """Validation accuracy (fraction) of each: inherited weights, its own batch statistics.

    lanes: how many are evaluated in one program; None: by `plan_programs`. The accuracies do not
    depend on it, but for the last bits of the logits.
    """
    operations = supernet.space.operations
    shape = (min(batch_size, len(validation)), *validation.pool.shape)
    at_once, fitting = plan_programs(supernet, shape, validation.device)

    def of_group(group: Sequence[Candidate]) -> list[float]:
        mixtures = [one.mixture(operations, validation.device) for one in group]
        if len(mixtures) > 1:
            network = LaneNetwork(supernet, mixtures)
            return measure_lanes(network.logits, validation, batch_size)
        alone = partial(_logits, supernet, mixtures[0])
        return [float(measure(alone, validation, batch_size)["accuracy"])]

    groups = split_evenly(candidates, lanes or fitting, at_once)
    return [one for found in side_by_side(of_group, groups, at_once) for one in found]


@dataclass(frozen=True)
class RankedCandidates:
    """Candidates by kind ("guided", "uniform") and their inherited validation accuracies."""

    drawn: Mapping[str, list[Candidate]]
    accuracies: Mapping[str, list[float]]

    def best(self, kind: str) -> Candidate:
        """The first of the highest accuracy."""
        values = self.accuracies[kind]
        return self.drawn[kind][values.index(max(values))]

    def details(self, chosen: str) -> dict[str, Any]:
        """What a record says of them, and of the best one of the kind that is chosen from."""
        return {
            **{kind: summary(values) for kind, values in self.accuracies.items()},
            "candidates_drawn": len(self.drawn[chosen]),
            "inherited_validation_accuracy": max(self.accuracies[chosen]),
            "native_operations": self.best(chosen).size,
        }

    def architectures(self, task: Task) -> dict[str, tuple[Genotype, ...]]:
        """Their genotypes, in the order drawn."""
        return {
            kind: tuple(one.genotype(task.space, task.graph) for one in candidates)
            for kind, candidates in self.drawn.items()
        }


def rank(
    drawn: Mapping[str, list[Candidate]], supernet: Supernet, validation: Split, batch_size: int
) -> RankedCandidates:
    """Evaluate all of them with inherited weights; see `accuracies`."""
    found = {
        kind: accuracies(candidates, supernet, validation, batch_size)
        for kind, candidates in drawn.items()
    }
    return RankedCandidates(drawn, found)


def kept_by_kind(kept: Mapping[str, Tensor], kind: str, task: Task) -> Tensor:
    """[edges, operations]: what the cell type keeps, or any position of it (keys "0", "1", ...)."""
    positions = [str(position.index) for position in task.positions if position.kind == kind]
    return torch.stack([kept[key] for key in (kind, *positions) if key in kept]).any(0)


def _logits(supernet: Supernet, mixture: Mixture, images: Tensor) -> Tensor:
    logits: Tensor = supernet(images, mixture)
    return logits


def summary(values: list[float]) -> dict[str, float | list[float]]:
    """Mean, standard deviation, best and all values of a set of candidates."""
    tensor = torch.tensor(values, dtype=torch.float64)
    return {
        "mean": float(tensor.mean()),
        "std": float(tensor.std(correction=0)),
        "best": float(tensor.max()),
        "accuracies": [round(value, 6) for value in values],
    }
