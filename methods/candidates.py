"""Architecture-weight pairs drawn from a posterior and evaluated with inherited weights."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from bench.data.splits import Split
from bench.space.config import SpaceConfig
from bench.space.genotype import Genotype, Pair
from bench.space.lanes import LaneNetwork, has_lanes
from bench.space.mixture import CellMixture, Mixture
from bench.space.skeleton import CellGraph
from bench.space.supernet import Supernet
from bench.training.measure import measure, measure_lanes


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


MOST = 16
"""Lanes in one program; more of them gain nothing (measured)."""

BYTES = {"cpu": 3 * 2**30, "cuda": 2**33}
"""What the lanes of one program may take of a device's memory, estimated by `lane_bytes`."""

ALIVE = 5
"""Tensors of a stage's size that a lane holds at once (measured: 2.9 to 4.6, by peak memory)."""


def accuracies(
    candidates: list[Candidate],
    supernet: Supernet,
    validation: Split,
    batch_size: int,
    lanes: int | None = None,
) -> list[float]:
    """Validation accuracy (fraction) of each: inherited weights, its own batch statistics.

    lanes: how many are evaluated in one program; None: as many as `lanes_that_fit`. The accuracies
    do not depend on it, but for the last bits of the logits.
    """
    operations = supernet.space.operations
    channels_last = validation.device.type == "cpu"
    together = lanes or lanes_that_fit(supernet, validation, batch_size)
    results: list[float] = []
    for start in range(0, len(candidates), together):
        mixtures = [
            candidate.mixture(operations, validation.device)
            for candidate in candidates[start : start + together]
        ]
        if len(mixtures) == 1:
            (mixture,) = mixtures
            result = measure(
                lambda images, mixture=mixture: supernet(images, mixture),  # type: ignore[misc]
                validation,
                batch_size,
                channels_last,
            )
            results.append(float(result["accuracy"]))
        else:
            network = LaneNetwork(supernet, mixtures)
            results += measure_lanes(network.logits, validation, batch_size, channels_last)
    return results


def lanes_that_fit(supernet: Supernet, validation: Split, batch_size: int) -> int:
    """From 1 to `MOST`, by the memory that they need and may have (`BYTES`)."""
    if not has_lanes(supernet):
        return 1
    images = min(batch_size, len(validation))
    size = validation.pool.images.shape[-2:].numel()
    return max(1, min(MOST, BYTES[validation.device.type] // lane_bytes(supernet, images, size)))


def lane_bytes(supernet: Supernet, images: int, pixels: int) -> int:
    """Estimate of a lane's peak memory: float32 activations of the widest stage.

    pixels: of an image; a reduction doubles the channels and quarters them.
    """
    widest = 0
    for position in supernet.positions:  # a reduction cell's inputs still have the size before it
        widest = max(widest, position.channels * pixels)
        pixels = pixels // 4 if position.reduces else pixels
    edges = len(supernet.graph.stages[0].edges)
    return ALIVE * 4 * images * widest * edges


def summary(values: list[float]) -> dict[str, float | list[float]]:
    """Mean, standard deviation, best and all values of a set of candidates."""
    tensor = torch.tensor(values, dtype=torch.float64)
    return {
        "mean": float(tensor.mean()),
        "std": float(tensor.std(correction=0)),
        "best": float(tensor.max()),
        "accuracies": [round(value, 6) for value in values],
    }
