"""Architecture-weight pairs drawn from a posterior and evaluated with inherited weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from bench.data.splits import Split
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
    shape = (min(batch_size, len(validation)), *validation.pool.images.shape[1:])
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
