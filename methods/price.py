"""The price of an operation that the data can pay: a scale for priors over architectures.

A prior's term for one operation must stay below what the operations are worth to the data on
average, (loss of the emptied super-network - loss of the full one) / number of edges, or the cell
empties whatever the evidence (METHODS.md, "lambda_z"; ours, needs no knowledge of the truth).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

from bench.data.splits import Batch
from bench.space.mixture import CellMixture, Mixture
from bench.space.supernet import Supernet


@torch.no_grad()
def worth_of_an_edge(supernet: Supernet, mixture: Mixture, batches: list[Batch]) -> float:
    """(loss emptied - loss full) / edges, in nats, at least 0; edges of all the mixture's cells.

    Mean cross-entropy on training batches, under the mixture and under the same with all weights 0.
    """
    empty = Mixture(
        {key: CellMixture(torch.zeros_like(cell.weights)) for key, cell in mixture.cells.items()}
    )
    difference = 0.0
    for images, labels in batches:
        for candidate, sign in ((empty, 1.0), (mixture, -1.0)):
            difference += sign * F.cross_entropy(supernet(images, candidate), labels).item()
    edges = sum(cell.weights.shape[-2] for cell in mixture.cells.values())
    return max(0.0, difference / len(batches)) / edges
