"""The price rule: how much a prior over architectures may cost, measured on the data.

A prior's term for one operation must stay below what an operation is worth to the data on average,

    worth of an edge = (loss of the emptied super-network - loss of the full one) / edges,

or the cell empties whatever the evidence. The weight of the prior is therefore

    weight = share * worth of an edge / cost of one operation (nats, at weight 1).

The rule is ours; it needs no knowledge of the truth.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from bench.data.splits import Batch, Split
from bench.method import Method
from bench.space.mixture import CellMixture, Mixture
from bench.space.supernet import Supernet

IMAGES = 512
"""Training images that the two losses are taken on."""
SMALLEST = 1e-12
"""Keeps the weight finite where an operation costs nothing."""


def measure_worth(method: Method, train: Split) -> float:
    """The worth of an edge of the method's super-network, nats.

    Leaves both in evaluation mode.
    """
    method.eval()
    method.supernet.eval()
    positions = torch.arange(min(len(train), IMAGES), device=train.device)
    return worth_of_an_edge(method.supernet, method.mixture(1), [train.select(positions)])


def set_price(weight: Tensor, worth: float, share: float, cost: float) -> None:
    """Fill `weight`, of a prior, by the rule.

    worth: of an edge, nats; share: of it; cost: of one operation at weight 1, nats.
    """
    weight.fill_(share * worth / max(cost, SMALLEST))


@torch.no_grad()
def worth_of_an_edge(supernet: Supernet, mixture: Mixture, batches: list[Batch]) -> float:
    """(loss emptied - loss full) / edges, in nats, at least 0; edges of all the mixture's cells.

    Mean cross-entropy on the batches, under the mixture and under the same with all weights 0.
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
