"""The discrete network of a NAS-Bench-201 cell: the skeleton on which the table was made.

Source: Dong and Yang 2020 (arXiv 2001.00326) and its public code. Differences: no edge is computed
whose operation is `none`, and drop path is offered (the table was made without).
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from bench.noise import Noise
from bench.space.genotype import Genotype
from bench.space.layers import Layers
from bench.space.nas_bench_201.config import NasBench201Config
from bench.space.nas_bench_201.supernet import reductions
from bench.space.network import DiscreteCell, DiscreteNetwork, Normalised


class DiscreteNasBench201Cell(DiscreteCell):
    """One input; the last node is the output."""

    def forward(self, x: Tensor, drop_path: float) -> Tensor:
        """[batch, channels, height, width] -> the same shape."""
        return self.nodes([x], drop_path)[-1]


class NasBench201Network(DiscreteNetwork):
    """A found cell in the NAS-Bench-201 skeleton, to be trained from scratch.

    Args:
        genotype: one cell, or one a position.
        space: says what the reductions are; cells, channels: N and C of the network.
    """

    def __init__(
        self,
        genotype: Genotype,
        space: NasBench201Config,
        cells: int,
        channels: int,
        image_shape: tuple[int, int, int],
        classes: int,
        *,
        layers: Layers | None = None,
        noise: Noise | None = None,
    ) -> None:
        nn.Module.__init__(self)
        self.auxiliary = None
        layers = layers or Layers()
        self.noise = noise or Noise()
        self.drop_path, self.cells_of_a_stage = 0.0, cells
        self.positions = space.positions(cells, channels)
        self.stem = Normalised(
            channels, layers.convolution(image_shape[0], channels, 3), relu=False
        )
        self.cells = nn.ModuleList(
            DiscreteNasBench201Cell(
                position, genotype.cell(position.index, position.kind), 1, layers, self.noise
            )
            for position in self.positions
        )
        self.reductions = reductions(space, channels, layers, tracked=True)
        features = self.positions[-1].channels
        self.last_norm = nn.BatchNorm2d(features)
        self.classifier = layers.linear(features, classes)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor | None]:
        x = self.stem(images)
        drop_path = self.drop_path if self.training else 0.0
        blocks = iter(self.reductions.children())
        for position, cell in zip(self.positions, self.cells, strict=True):
            if position.index and position.index % self.cells_of_a_stage == 0:
                x = next(blocks)(x)
            x = cell(x, drop_path)
        return self.classifier(F.relu(self.last_norm(x)).mean((2, 3))), None
