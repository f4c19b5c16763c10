"""The NAS-Bench-201 super-network on the fused machinery of `bench.space.fused.stage`.

As in the space's public search code: batch normalisation without affine part in the cells' edges,
none behind pooling, affine elsewhere; here all of it uses the batch's own statistics.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from bench.noise import Noise
from bench.space.cpu.normalisation import BatchNormalisation
from bench.space.fused.cell import FusedCell
from bench.space.layers import Layers
from bench.space.mixture import CellMixture, Mixture
from bench.space.nas_bench_201.config import STAGES, NasBench201Config
from bench.space.options import SupernetOptions
from bench.space.supernet import Supernet


class NasBench201Cell(FusedCell):
    """One input; the last node is the output."""

    def forward(self, x: Tensor, mixture: CellMixture, noise: Noise) -> Tensor:
        """[batch, channels, height, width] -> the same shape."""
        return self.mixed([x], mixture, noise)[-1]


class ResidualReduction(nn.Module):
    """Twice ReLU, 3x3 convolution (the first of stride 2), normalisation; and a shortcut.

    The shortcut is 2x2 average pooling and a 1x1 convolution; the sum of both is the output.
    """

    def __init__(self, layers: Layers, channels_in: int, channels: int, tracked: bool) -> None:
        super().__init__()
        self.first = layers.convolution(channels_in, channels, 3, stride=2)
        norm = nn.BatchNorm2d if tracked else BatchNormalisation
        self.first_norm = norm(channels)
        self.second = layers.convolution(channels, channels, 3)
        self.second_norm = norm(channels)
        self.shortcut = ThinReduction(layers, channels_in, channels)

    def forward(self, x: Tensor) -> Tensor:
        """[batch, channels_in, height, width] -> [batch, channels, height / 2, width / 2]."""
        y = self.first_norm(self.first(F.relu(x)))
        y = self.second_norm(self.second(F.relu(y)))
        return self.shortcut(x) + y


class ThinReduction(nn.Module):
    """2x2 average pooling (an odd border keeps a window of its own) and a 1x1 convolution."""

    def __init__(self, layers: Layers, channels_in: int, channels: int) -> None:
        super().__init__()
        self.convolution = layers.convolution(channels_in, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """[batch, channels_in, height, width] -> [batch, channels, height / 2, width / 2]."""
        pooled = F.avg_pool2d(x, 2, 2, ceil_mode=True, count_include_pad=False)
        return self.convolution(pooled)


def reductions(space: NasBench201Config, channels: int, layers: Layers, tracked: bool) -> nn.Module:
    """The blocks between the stages. tracked: whether they keep running statistics."""
    widths = [(channels * 2**stage, channels * 2 ** (stage + 1)) for stage in range(STAGES - 1)]
    if space.reduction == "thin":
        return nn.ModuleList(ThinReduction(layers, *width) for width in widths)
    return nn.ModuleList(ResidualReduction(layers, *width, tracked) for width in widths)


class NasBench201Supernet(Supernet):
    """The super-network of the NAS-Bench-201 space; arguments as of `Supernet`."""

    cell_type = NasBench201Cell

    def __init__(
        self,
        space: NasBench201Config,
        image_shape: tuple[int, int, int],
        classes: int,
        options: SupernetOptions | None = None,
    ) -> None:
        options = options or SupernetOptions()
        super().__init__(space, image_shape, classes, options)
        self.reductions = reductions(space, space.channels, options.layers, tracked=False)
        self.last_norm = BatchNormalisation(self.features())

    def features(self) -> int:
        return self.positions[-1].channels

    def forward(self, images: Tensor, mixture: Mixture) -> Tensor:
        x = self.stem_norm(self.stem(images))
        blocks = iter(self.reductions.children())
        for cell, position in zip(self.cells, self.positions, strict=True):
            if position.index and position.index % self.space.cells == 0:
                x = next(blocks)(x)
            x = cell(x, mixture.cell(position.index, position.kind), self.noise)
        return self.classifier(F.relu(self.last_norm(x)).mean((2, 3)))
