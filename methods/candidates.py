"""Architecture-weight pairs drawn from a posterior and evaluated with inherited weights."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from bench.data.splits import Split
from bench.space.mixture import CellMixture, Mixture
from bench.space.supernet import Supernet
from bench.training.measure import measure


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
    candidates: list[Candidate], supernet: Supernet, validation: Split, batch_size: int
) -> list[float]:
    """Validation accuracy (fraction) of each: inherited weights, its own batch statistics."""
    operations = supernet.space.operations
    channels_last = validation.device.type == "cpu"
    results = []
    for candidate in candidates:
        mixture = candidate.mixture(operations, validation.device)
        result = measure(
            lambda images, mixture=mixture: supernet(images, mixture),  # type: ignore[misc]
            validation,
            batch_size,
            channels_last,
        )
        results.append(float(result["accuracy"]))
    return results


def summary(values: list[float]) -> dict[str, float | list[float]]:
    """Mean, standard deviation, best and all values of a set of candidates."""
    tensor = torch.tensor(values, dtype=torch.float64)
    return {
        "mean": float(tensor.mean()),
        "std": float(tensor.std(correction=0)),
        "best": float(tensor.max()),
        "accuracies": [round(value, 6) for value in values],
    }
