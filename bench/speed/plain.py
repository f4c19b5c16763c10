"""The plain super-network, trained as the textbook does: what the fused one is compared with."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench.space.mixture import CellMixture, Mixture
from bench.space.skeleton import CellGraph
from bench.speed.scales import Scale, batch_of
from bench.testing.plain_supernet import PlainSupernet


class PlainStep:
    """First-order DARTS in its textbook form: one module an edge and operation, no memory format,
    gradients of everything in both halves of a step. Optimisers are those of `methods.darts`.
    """

    def __init__(self, scale: Scale, device: torch.device) -> None:
        torch.manual_seed(0)
        space = scale.space
        network: nn.Module = PlainSupernet(space, scale.shape, scale.classes)
        self.network = network.to(device).train()
        shape = (len(CellGraph(2, space.nodes).edges), len(space.operations))
        self.alphas = {
            kind: (1e-3 * torch.randn(shape)).to(device).requires_grad_()
            for kind in ("normal", "reduce")
        }
        self.weights = list(network.parameters())
        self.sgd = torch.optim.SGD(self.weights, 0.025, 0.9, weight_decay=3e-4)
        alphas = list(self.alphas.values())
        self.adam = torch.optim.Adam(alphas, 3e-4, (0.5, 0.999), weight_decay=1e-3)
        self.batches = [
            batch_of(scale, device, False, part) for part in ("weights", "architecture")
        ]

    def loss(self, number: int = 0) -> Tensor:
        """Forward pass to the cross-entropy on one of the two batches."""
        mixture = Mixture({kind: CellMixture(a.softmax(-1)) for kind, a in self.alphas.items()})
        images, labels = self.batches[number]
        return F.cross_entropy(self.network(images, mixture), labels)

    def step(self) -> None:
        """The architecture on one batch, then the weights on another."""
        self.adam.zero_grad()
        self.loss(1).backward()
        self.adam.step()
        self.sgd.zero_grad()
        self.loss(0).backward()
        nn.utils.clip_grad_norm_(self.weights, 5.0)
        self.sgd.step()

    def clear(self) -> None:
        """Drop all gradients."""
        self.adam.zero_grad()
        self.sgd.zero_grad()
