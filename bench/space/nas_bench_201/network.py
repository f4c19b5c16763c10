"""The discrete network of a NAS-Bench-201 cell: the skeleton on which the table was made.

Source: Dong and Yang 2020 (arXiv 2001.00326) and its public code. Differences: no edge is computed
whose operation is `none`, and drop path is offered (the table was made without).
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from bench.space.nas_bench_201.config import NasBench201Config
from bench.space.nas_bench_201.supernet import reductions
from bench.space.network import DiscreteCell, DiscreteNetwork
from bench.space.options import NetworkOptions


class DiscreteNasBench201Cell(DiscreteCell):
    """One input; the last node is the output."""

    def forward(self, x: Tensor, drop_path: float) -> Tensor:
        """[batch, channels, height, width] -> the same shape."""
        return self.nodes([x], drop_path)[-1]


class NasBench201Network(DiscreteNetwork):
    """A found cell in the NAS-Bench-201 skeleton, to be trained from scratch.

    Its options cells and channels are N and C of the skeleton.
    """

    cell_type = DiscreteNasBench201Cell
    space: NasBench201Config

    def make_head(self, options: NetworkOptions) -> None:
        """The blocks between the stages, and what comes behind the last one; never auxiliary."""
        self.auxiliary = None
        self.cells_of_a_stage = options.cells
        self.reductions = reductions(self.space, options.channels, options.layers, tracked=True)
        features = self.positions[-1].channels
        self.last_norm = nn.BatchNorm2d(features)
        self.classifier = options.layers.linear(features, options.classes)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor | None]:
        x = self.stem(images)
        drop_path = self.drop_path if self.training else 0.0
        blocks = iter(self.reductions.children())
        for position, cell in zip(self.positions, self.cells, strict=True):
            if position.index and position.index % self.cells_of_a_stage == 0:
                x = next(blocks)(x)
            x = cell(x, drop_path)
        return self.classifier(F.relu(self.last_norm(x)).mean((2, 3))), None
