"""Depthwise convolutions on a CPU without oneDNN's slow paths; plain `conv2d` elsewhere.

Measured on 2 cores (AMD EPYC, AVX-512) in channels_last, 64 x 128 x 32 x 32, against `conv2d`:

- weight gradient of a 5x5 kernel: 34 ms -> 15 ms. oneDNN is fast only for kernels at most 3 wide,
  so the gradient is taken for the kernel's columns 0..2 and 3..4 apart.
- dilation 2: 22 + 19 ms -> 5 + 6 ms for input and weight gradient of 3x3. A convolution of dilation
  2 is four ordinary ones, one for each phase of the pixel grid; `to_phases` puts the phases along
  the batch. What is per channel or per pixel (1x1 convolutions, batch statistics) does not notice.
"""

from __future__ import annotations

from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor


def depthwise_convolution(
    x: Tensor, weight: Tensor, stride: int, padding: int, dilation: int
) -> Tensor:
    """x: [batch, channels, height, width], weight: [channels, 1, kernel, kernel]."""
    if stride == 2 and dilation == 2:
        # Output i reads the pixels 2 * i + 2 * k - padding. The padding is even (kernel - 1 for an
        # odd kernel), so that all of them are even: i + k - padding / 2 on the grid of even pixels.
        x, stride, dilation, padding = grid(x, 0), 1, 1, padding // 2
    wide = weight.shape[-1] == 5 and stride == 1 and dilation == 1
    # under autocast the convolution's gradient is of another type than the float32 input
    precise = x.dtype == torch.float32 and not torch.is_autocast_enabled("cpu")
    if wide and x.device.type == "cpu" and precise and is_channels_last(x):
        return _Wide.apply(x, weight)
    return F.conv2d(x, weight, None, stride, padding, dilation, weight.shape[0])


class _Grid(torch.autograd.Function):
    """Every second pixel; the gradient has the memory format of its own input.

    The gradient of slicing has the ordinary format whatever x had, and so has every sum with it.
    """

    @staticmethod
    def forward(x: Tensor, start: int) -> Tensor:
        return x[:, :, start::2, start::2].clone(memory_format=torch.preserve_format)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, int], output: Tensor) -> None:
        ctx.size, ctx.start = inputs[0].shape[2:], inputs[1]

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        height, width = ctx.size
        rows = grad.permute(0, 2, 3, 1)
        whole = rows.new_zeros(rows.shape[0], height, width, rows.shape[3])
        whole[:, ctx.start :: 2, ctx.start :: 2] = rows
        return whole.permute(0, 3, 1, 2), None


def grid(x: Tensor, start: int) -> Tensor:
    """[batch, channels, height, width] -> the pixels of every second row and column.

    start: the first row and column taken, 0 or 1.
    """
    if not is_channels_last(x):
        return x[:, :, start::2, start::2]
    return _Grid.apply(x, start)


def is_channels_last(x: Tensor) -> bool:
    """Whether channels are innermost."""
    return x.is_contiguous(memory_format=torch.channels_last)


def _backward(
    grad: Tensor, x: Tensor, weight: Tensor, padding: list[int], wanted: Literal["x", "weight"]
) -> Tensor:
    """One gradient of a depthwise convolution of stride 1."""
    mask = [wanted == "x", wanted == "weight", False]  # of the input, the weight, the bias
    outputs = torch.ops.aten.convolution_backward(
        grad, x, weight, None, [1, 1], padding, [1, 1], False, [0, 0], weight.shape[0], mask
    )
    return outputs[mask.index(True)]


class _Wide(torch.autograd.Function):
    """5x5, stride 1, padding 2; the weight gradient in two parts of at most three columns."""

    @staticmethod
    def forward(x: Tensor, weight: Tensor) -> Tensor:
        return F.conv2d(x, weight, None, 1, 2, 1, weight.shape[0])

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None]:
        x, weight = ctx.saved_tensors
        grad_x = _backward(grad, x, weight, [2, 2], "x") if ctx.needs_input_grad[0] else None
        if not ctx.needs_input_grad[1]:
            return grad_x, None
        # At output column j, column k of the weight meets column j + k - 2 of x. The columns do not
        # depend on each other: the kernel is taken apart into columns 0..2 and 3..4, and x shifted
        # for each part until its first column meets the right one.
        # Columns 0..2 meet x[j - 2 .. j], and a kernel of width 3, padded by 1, x[j - 1 .. j + 1]:
        # a column of zeros goes before x. One behind grad, which must be as wide, adds nothing.
        left = _backward(F.pad(grad, (0, 1)), F.pad(x, (1, 0)), weight[..., :3], [2, 1], "weight")
        # Columns 3..4 meet x[j + 1 .. j + 2], and a kernel of width 2, not padded, x[j .. j + 1]:
        # x loses its first column, and gets two of zeros for the last outputs.
        right = _backward(grad, F.pad(x, (-1, 2)), weight[..., 3:], [2, 0], "weight")
        return grad_x, torch.cat([left, right], -1)


def has_phases(x: Tensor) -> bool:
    """Whether to run dilation 2 on phases: on a CPU, channels_last, even height and width."""
    even = x.shape[2] % 2 == 0 and x.shape[3] % 2 == 0
    return even and x.device.type == "cpu" and is_channels_last(x)


def to_phases(x: Tensor) -> Tensor:
    """[batch, channels, h, w] -> [4 * batch, channels, h / 2, w / 2], the phase outermost."""
    # Dilation 2 leads from a pixel to pixels whose row and column have the same parity as its own,
    # and steps of two are steps of one among those: four independent convolutions, one for each
    # pair of parities (a phase).
    batch, channels, height, width = x.shape
    rows = x.permute(0, 2, 3, 1).reshape(batch, height // 2, 2, width // 2, 2, channels)
    # [batch, row / 2, row parity, column / 2, column parity, channels] -> parities outermost
    rows = rows.permute(2, 4, 0, 1, 3, 5).reshape(4 * batch, height // 2, width // 2, channels)
    return rows.permute(0, 3, 1, 2)


def from_phases(x: Tensor) -> Tensor:
    """The inverse of `to_phases`."""
    batch, channels, height, width = x.shape
    rows = x.permute(0, 2, 3, 1).reshape(2, 2, batch // 4, height, width, channels)
    # [row parity, column parity, batch, row / 2, column / 2, channels] -> parities innermost
    rows = rows.permute(2, 3, 0, 4, 1, 5).reshape(batch // 4, 2 * height, 2 * width, channels)
    return rows.permute(0, 3, 1, 2)
