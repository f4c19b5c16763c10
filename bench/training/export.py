"""A trained network as a file that needs nothing of this project to predict."""

from __future__ import annotations

from pathlib import Path

import torch

from bench import files
from bench.space.compact import compact
from bench.space.network import DiscreteNetwork


class _Logits(torch.nn.Module):
    """Without the auxiliary head's answer, which no one wants of a trained network."""

    def __init__(self, network: DiscreteNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.network(images)[0]


def save_network(network: DiscreteNetwork, images: torch.Tensor, path: Path) -> None:
    """Write `compact(network)` with `torch.export`: normalised images [batch, *shape] -> logits.

    images: some normalised ones, of which two are kept in the file as its example inputs.

    `torch.export.load(path).module()` is an ordinary module: no variational part, no auxiliary
    head, no class of this project. It predicts on the CPU until it is moved. Raises ResultsError.
    """
    smaller = _Logits(compact(network)).cpu().eval()
    example = torch.cat([images, images])[:2].cpu().contiguous()  # of one image no batch is learnt
    batch = torch.export.Dim("batch", min=1)
    program = torch.export.export(smaller, (example,), dynamic_shapes={"images": {0: batch}})
    with files.replacing(path) as scratch:
        torch.export.save(program, scratch)
