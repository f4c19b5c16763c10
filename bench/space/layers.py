"""The layers that every network of this package is made of, and the factory that makes them.

A method that wants other layers (VINNAS: variational ones) hands its own `Layers` to the
super-network and to the discrete network; neither knows more of them than this interface.
"""

from __future__ import annotations

import math
from typing import TypedDict, Unpack

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench.space.constants import index
from bench.space.cpu.depthwise import depthwise_convolution, grid


class Form(TypedDict, total=False):
    """How a convolution is laid out, besides its sizes; defaults are those of `Convolution`."""

    stride: int
    dilation: int
    blocks: int
    """How many edges are merged along the channels."""
    depthwise: bool
    """Whether every channel is its own group."""


class Convolution(nn.Module):
    """A convolution without bias whose groups are `blocks` equal parts along the channels.

    `weight` is [blocks * out, in / groups-per-block, kernel, kernel]; a block is an edge's own,
    so that a stage's edges are one call. With `depthwise` every channel is its own group.

    Args:
        channels_in, channels_out: channels of ONE block.
        kernel, stride, dilation: as of `conv2d`; the padding keeps the size at stride 1.
        blocks: how many edges are merged along the channels.
    """

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        kernel: int,
        *,
        stride: int = 1,
        dilation: int = 1,
        blocks: int = 1,
        depthwise: bool = False,
    ) -> None:
        super().__init__()
        self.sizes = channels_in, channels_out, kernel
        self.form = Form(stride=stride, dilation=dilation, blocks=blocks, depthwise=depthwise)
        self.stride, self.dilation, self.blocks = stride, dilation, blocks
        self.depthwise = depthwise
        self.padding = dilation * (kernel - 1) // 2
        fan = 1 if depthwise else channels_in
        self.weight = nn.Parameter(torch.empty(blocks * channels_out, fan, kernel, kernel))
        # torch's own default for convolutions: uniform in +- 1 / sqrt(fan in)
        bound = 1 / math.sqrt(fan * kernel * kernel)
        nn.init.uniform_(self.weight, -bound, bound)

    def select(self, weight: Tensor, edges: tuple[int, ...] | None) -> Tensor:
        """The part of a weight-shaped tensor that belongs to some blocks."""
        if edges is None:
            return weight
        blocks = index(edges, weight.device)
        return weight.unflatten(0, (self.blocks, -1)).index_select(0, blocks).flatten(0, 1)

    def convolve(self, x: Tensor, weight: Tensor, in_phases: bool = False) -> Tensor:
        """The plain convolution with any weight of the right form (all blocks or a selection).

        `in_phases`: x is `depthwise.to_phases` of the input, where dilation 2 is dilation 1.
        """
        padding, dilation = self.padding, self.dilation
        if in_phases:
            padding, dilation = padding // 2, 1
        if self.depthwise:
            return depthwise_convolution(x, weight, self.stride, padding, dilation)
        groups = x.shape[1] // weight.shape[1]
        return F.conv2d(x, weight, None, self.stride, padding, dilation, groups)

    def forward(
        self,
        x: Tensor,
        edges: tuple[int, ...] | None = None,
        mask: Tensor | None = None,
        in_phases: bool = False,
    ) -> Tensor:
        """x: [batch, blocks * channels_in, height, width], with the blocks that `edges` names.

        mask: factors of the input channels, [blocks, channels_in] (it folds into the weight and
        costs nothing) or [batch, blocks, channels_in].
        """
        weight = self.select(self.weight, edges)
        if mask is not None and mask.dim() == 2:
            blocks = weight.unflatten(0, (mask.shape[0], -1))
            weight = (blocks * mask[:, None, :, None, None]).flatten(0, 1)
        elif mask is not None:
            x = x * mask.flatten(1)[:, :, None, None]
        return self.convolve(x, weight, in_phases)


class Layers:
    """Makes the layers of a network; subclass it to make other ones."""

    def convolution(
        self,
        channels_in: int,
        channels_out: int,
        kernel: int,
        *,
        inner: bool = False,
        **form: Unpack[Form],
    ) -> Convolution:
        """A layer of the form that `Convolution` describes.

        `inner`: another convolution comes behind it before a mixture weighs anything: within an
        operation, or from a cell's input to its operations.
        """
        return Convolution(channels_in, channels_out, kernel, **form)

    def linear(self, features_in: int, features_out: int) -> nn.Module:
        return nn.Linear(features_in, features_out)


class FactorizedReduce(nn.Module):
    """ReLU (applied by the caller), then two 1x1 convolutions of stride 2, one shifted by a pixel.

    Halves height and width (rounding up) and maps `channels_in` to `channels_out`, for each of
    `blocks` edges. What the convolutions see, every second pixel, edges from one state share:
    `grids`. `inner`: as of `Layers.convolution`. Source: DARTS, `FactorizedReduce`.
    """

    def __init__(
        self,
        layers: Layers,
        channels_in: int,
        channels_out: int,
        blocks: int = 1,
        inner: bool = False,
    ) -> None:
        super().__init__()
        self.first_channels = channels_out // 2
        self.channels_out = channels_out
        self.first, self.second = (
            layers.convolution(channels_in, half, 1, blocks=blocks, inner=inner)
            for half in (self.first_channels, channels_out - self.first_channels)
        )

    @staticmethod
    def grids(x: Tensor) -> tuple[Tensor, Tensor]:
        """The pixels of even rows and columns, and those of odd ones."""
        odd_height, odd_width = x.shape[2] % 2, x.shape[3] % 2
        shifted = grid(x, 1)
        if odd_height or odd_width:  # its last row or column is beyond the edge
            shifted = F.pad(shifted, (0, odd_width, 0, odd_height))
        return grid(x, 0), shifted

    def forward(self, x: Tensor, edges: tuple[int, ...] | None = None) -> Tensor:
        return self.of_grids(self.grids(x), edges)

    def of_grids(
        self, grids: tuple[Tensor, Tensor], edges: tuple[int, ...] | None = None
    ) -> Tensor:
        """grids: of the blocks that `edges` names."""
        first, second = self.first(grids[0], edges), self.second(grids[1], edges)
        blocks = first.shape[1] // self.first_channels
        pairs = zip(first.chunk(blocks, 1), second.chunk(blocks, 1), strict=True)
        return torch.cat([half for pair in pairs for half in pair], 1)  # keeps channels_last
