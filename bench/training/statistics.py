"""Batch-normalisation statistics of a trained network, estimated anew."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn


@torch.no_grad()
def reestimate_statistics(network: nn.Module, images: Iterable[Tensor]) -> None:
    """Running means and variances as the average over the batches; the network ends in eval mode.

    All layers but batch normalisation run in eval mode: without drop path or noise.
    """
    network.eval()
    norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a cumulative average
        norm.train()
    for batch in images:
        network(batch)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    network.eval()
