"""The textbook super-network: one module per edge and operation, and a loop over edges.

The oracle that the fused super-network is held against, and what `bench speed` compares it with.
Written after the structure of DARTS's public code (MixedOp, Cell, Network), without its globals.
Operations take x, [batch, channels, height, width], and a mask of their channels, [slices] or
[batch, slices], or None.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench.space.config import SpaceConfig
from bench.space.mixture import CellMixture, Mixture
from bench.space.options import SupernetOptions
from bench.space.skeleton import Position


def conv(c_in: int, c_out: int, kernel: int, stride: int = 1, **more: Any) -> nn.Conv2d:
    """A convolution without bias."""
    return nn.Conv2d(c_in, c_out, kernel, stride, bias=False, **more)


def norm(channels: int) -> nn.BatchNorm2d:
    """Batch normalisation by the batch's own statistics, without an affine part."""
    return nn.BatchNorm2d(channels, affine=False, track_running_stats=False)


class SepConv(nn.Module):
    """Twice ReLU, depthwise k x k, 1x1 and normalisation; half of the mask is each one's."""

    def __init__(self, c: int, kernel: int, stride: int) -> None:
        super().__init__()
        pad = kernel // 2
        self.depthwise_1 = conv(c, c, kernel, stride, padding=pad, groups=c)
        self.pointwise_1 = conv(c, c, 1)
        self.norm_1 = norm(c)
        self.depthwise_2 = conv(c, c, kernel, padding=pad, groups=c)
        self.pointwise_2 = conv(c, c, 1)
        self.norm_2 = norm(c)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        ones = x.new_ones(2 * x.shape[1])
        first, second = (ones if mask is None else mask)[..., None, None].chunk(2, -3)
        x = self.norm_1(self.pointwise_1(self.depthwise_1(F.relu(x) * first)))
        return self.norm_2(self.pointwise_2(self.depthwise_2(F.relu(x) * second)))


class DilConv(nn.Module):
    """ReLU, depthwise k x k with dilation 2, 1x1 and normalisation."""

    def __init__(self, c: int, kernel: int, stride: int) -> None:
        super().__init__()
        self.depthwise = conv(c, c, kernel, stride, padding=kernel - 1, dilation=2, groups=c)
        self.pointwise = conv(c, c, 1)
        self.norm = norm(c)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        x = F.relu(x) if mask is None else F.relu(x) * mask[..., None, None]
        return self.norm(self.pointwise(self.depthwise(x)))


class Reduce(nn.Module):
    """ReLU, two 1x1 convolutions of stride 2, one shifted by a pixel, and normalisation."""

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()
        self.first = conv(c_in, c_out // 2, 1, 2)
        self.second = conv(c_in, c_out - c_out // 2, 1, 2)
        self.norm = norm(c_out)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        x = F.relu(x)
        shifted = F.pad(x, (0, x.shape[3] % 2, 0, x.shape[2] % 2))[:, :, 1:, 1:]
        y = self.norm(torch.cat([self.first(x), self.second(shifted)], 1))
        return y if mask is None else y * mask[..., None, None]


class DrawnNoise(nn.Module):
    """What was drawn for the edge, by the fused network's generator or by the test."""

    def __init__(self, c: int, normalised: bool) -> None:
        super().__init__()
        self.drawn: Tensor | None = None
        self.norm = norm(c) if normalised else nn.Identity()

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        y = self.norm(self.drawn)
        return y if mask is None else y * mask[..., None, None]


class Parameterless(nn.Module):
    """None, the identity, or pooling; with `surrogates` a 1x1 convolution behind it."""

    def __init__(self, name: str, c: int, stride: int, options: SupernetOptions) -> None:
        super().__init__()
        self.name, self.stride = name, stride
        self.pointwise = conv(c, c, 1) if options.surrogates and name != "none" else None
        normalised = (
            self.pointwise is not None
            or name.endswith("pool_3x3")
            or (name == "skip_connect" and options.normalise_operations)
        )
        self.norm = norm(c) if normalised else nn.Identity()

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        if self.name == "none":
            return torch.zeros_like(x[:, :, :: self.stride, :: self.stride])
        if self.name == "max_pool_3x3":
            x = F.max_pool2d(x, 3, self.stride, 1)
        if self.name == "avg_pool_3x3":
            x = F.avg_pool2d(x, 3, self.stride, 1, count_include_pad=False)
        if self.pointwise is not None:
            x = self.pointwise(x if mask is None else x * mask[..., None, None])
            mask = None
        y = self.norm(x)
        return y if mask is None else y * mask[..., None, None]


def operation(name: str, c: int, stride: int, options: SupernetOptions) -> nn.Module:
    """The operation of one edge."""
    kernel = 5 if name.endswith("5x5") else 3
    if name.startswith("sep_conv"):
        return SepConv(c, kernel, stride)
    if name.startswith("dil_conv"):
        return DilConv(c, kernel, stride)
    if name == "skip_connect" and stride == 2:
        return Reduce(c, c)
    if name == "noise":
        return DrawnNoise(c, options.normalise_operations)
    return Parameterless(name, c, stride, options)


class PlainCell(nn.Module):
    """Every operation on every edge; `names`: by edge the operation of each of its columns."""

    def __init__(self, position: Position, space: SpaceConfig, options: SupernetOptions) -> None:
        super().__init__()
        self.graph, self.columns, self.reduces = space.graph, space.operations, position.reduces
        self.names = space.choices(position.kind) or (self.columns,) * len(self.graph.edges)
        c = position.channels
        if position.previous_reduces:
            self.pre_0: nn.Module = Reduce(position.inputs[0], c)
        else:
            self.pre_0 = nn.Sequential(nn.ReLU(), conv(position.inputs[0], c, 1), norm(c))
        self.pre_1 = nn.Sequential(nn.ReLU(), conv(position.inputs[1], c, 1), norm(c))
        self.edges = nn.ModuleList()
        for (source, _), names in zip(self.graph.edges, self.names, strict=True):
            stride = 2 if position.reduces and source < 2 else 1
            self.edges.append(
                nn.ModuleList(
                    operation(name, c // options.partial, stride, options) for name in names
                )
            )

    def forward(self, before: Tensor, last: Tensor, mixture: CellMixture) -> Tensor:
        """[batch, *, height, width] twice -> [batch, nodes * channels, h, w]."""
        states = [self.pre_0(before), self.pre_1(last)]
        empty = states[1][:, :, ::2, ::2] if self.reduces else states[1]
        for node in range(self.graph.nodes):
            total = torch.zeros_like(empty)
            for edge in self.graph.of_node(node):
                x = states[self.graph.edges[edge][0]]
                for o, name in enumerate(self.columns):
                    if name == "none":
                        continue  # adds zero, whatever its weight
                    kept = mixture.active
                    if kept is not None and edge not in kept.get(name, ()):
                        continue
                    mask = mixture.masks.get(name)
                    on_edge = self.edges[edge]
                    assert isinstance(on_edge, nn.ModuleList)
                    y = on_edge[o](x, None if mask is None else mask[..., edge, :])
                    total = total + mixture.weights[..., edge, o].reshape(-1, 1, 1, 1) * y
            states.append(total)
        return torch.cat(states[2:], 1)


class PlainSupernet(nn.Module):
    """Arguments as of `bench.space.supernet.Supernet`; only the textbook's layers are offered."""

    cell_type = PlainCell

    def __init__(
        self,
        space: SpaceConfig,
        image_shape: tuple[int, int, int],
        classes: int,
        options: SupernetOptions | None = None,
    ) -> None:
        super().__init__()
        options = options or SupernetOptions()
        stem_channels = space.stem_multiplier * space.channels
        self.positions = space.positions()
        self.stem = nn.Sequential(
            conv(image_shape[0], stem_channels, 3, padding=1),
            nn.BatchNorm2d(stem_channels, track_running_stats=False),
        )
        self.cells = nn.ModuleList(self.cell_type(p, space, options) for p in self.positions)
        self.classifier = nn.Linear(space.nodes * self.positions[-1].channels, classes)

    def forward(self, images: Tensor, mixture: Mixture) -> Tensor:
        """images: [batch, channels, height, width] -> logits [batch, classes]."""
        before = last = self.stem(images)
        for cell, p in zip(self.cells, self.positions, strict=True):
            before, last = last, cell(before, last, mixture.cell(p.index, p.kind))
        return self.classifier(last.mean((2, 3)))
