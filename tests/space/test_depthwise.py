"""The fast paths of depthwise convolutions against `conv2d`, in value and in both derivatives."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from bench.space.cpu.depthwise import (
    depthwise_convolution,
    from_phases,
    grid,
    has_phases,
    to_phases,
)

GEOMETRY = [(3, 1, 1), (3, 2, 1), (5, 1, 1), (5, 2, 1), (3, 1, 2), (3, 2, 2), (5, 1, 2), (5, 2, 2)]


def derivatives(
    function: Callable[[Tensor, Tensor], Tensor], x: Tensor, weight: Tensor
) -> list[Tensor]:
    """Output, first derivatives, and the derivatives of a function of the first derivatives."""
    x, weight = x.detach().requires_grad_(), weight.detach().requires_grad_()
    y = function(x, weight)
    loss = (y * torch.linspace(-1, 1, y.numel(), dtype=y.dtype).view(y.shape)).square().sum()
    first = torch.autograd.grad(loss, (x, weight), create_graph=True)
    second = torch.autograd.grad(sum(g.square().sum() for g in first), (x, weight))
    return [y.detach(), *(g.detach() for g in first), *second]


@pytest.mark.parametrize(("kernel", "stride", "dilation"), GEOMETRY)
@settings(max_examples=12, deadline=None)
@given(
    st.integers(1, 3),
    st.integers(1, 4),
    st.integers(2, 9),
    st.integers(2, 9),
    st.booleans(),
    st.integers(0, 99),
)
def test_it_is_conv2d(
    kernel: int,
    stride: int,
    dilation: int,
    batch: int,
    channels: int,
    height: int,
    width: int,
    channels_last: bool,
    seed: int,
) -> None:
    torch.manual_seed(seed)
    x = torch.randn(batch, channels, height, width)
    weight = torch.randn(channels, 1, kernel, kernel)
    padding = dilation * (kernel - 1) // 2
    expected = derivatives(
        lambda a, w: F.conv2d(a, w, None, stride, padding, dilation, channels),
        x.double(),
        weight.double(),
    )
    if channels_last:
        x = x.contiguous(memory_format=torch.channels_last)
    for dtype, tolerance in ((torch.float64, 1e-12), (torch.float32, 1e-5)):
        found = derivatives(
            lambda a, w: depthwise_convolution(a, w, stride, padding, dilation),
            x.to(dtype),
            weight.to(dtype),
        )
        for mine, theirs in zip(found, expected, strict=True):
            assert mine.shape == theirs.shape
            assert (mine.double() - theirs).norm() <= tolerance * theirs.norm()


@pytest.mark.parametrize(("kernel", "stride", "dilation"), GEOMETRY)
def test_it_is_conv2d_of_float32_under_autocast(kernel: int, stride: int, dilation: int) -> None:
    """A mask or a noisy weight in float32 makes an operation's input float32."""
    torch.manual_seed(0)
    x = torch.randn(3, 4, 8, 8).contiguous(memory_format=torch.channels_last).requires_grad_()
    weight = torch.randn(4, 1, kernel, kernel, requires_grad=True)
    padding = dilation * (kernel - 1) // 2
    found = []
    for function in (
        lambda: depthwise_convolution(x, weight, stride, padding, dilation),
        lambda: F.conv2d(x, weight, None, stride, padding, dilation, 4),
    ):
        with torch.autocast("cpu", torch.bfloat16):
            y = function()
        assert y.dtype == torch.bfloat16
        found.append([y, *torch.autograd.grad(y.float().square().sum(), (x, weight))])
    for mine, theirs in zip(*found, strict=True):
        assert mine.dtype == theirs.dtype
        assert (mine - theirs).norm() <= 1e-2 * theirs.norm()


def test_the_split_weight_gradient_is_really_taken() -> None:
    """5x5, stride 1, float32, channels_last: the case with a backward pass of its own."""
    x = torch.randn(2, 3, 6, 6).contiguous(memory_format=torch.channels_last).requires_grad_()
    weight = torch.randn(3, 1, 5, 5, requires_grad=True)
    y = depthwise_convolution(x, weight, 1, 2, 1)
    assert y.grad_fn is not None and "Wide" in type(y.grad_fn).__name__


@given(st.integers(1, 3), st.integers(1, 4), st.integers(1, 4), st.integers(1, 4))
@settings(deadline=None)
def test_phases_round_trip_and_order(batch: int, channels: int, height: int, width: int) -> None:
    size = (batch, channels, 2 * height, 2 * width)
    x = torch.arange(batch * channels * 4 * height * width).view(size).double()
    phases = to_phases(x)
    assert phases.shape == (4 * batch, channels, height, width)
    for number in range(4):
        part = phases[number * batch : (number + 1) * batch]
        assert torch.equal(part, x[:, :, number // 2 :: 2, number % 2 :: 2])
    assert torch.equal(from_phases(phases), x)


@pytest.mark.parametrize("kernel", [3, 5])
@given(st.integers(1, 3), st.integers(1, 4), st.integers(2, 5), st.integers(2, 5))
@settings(deadline=None, max_examples=20)
def test_dilation_2_is_dilation_1_in_phases(
    kernel: int, batch: int, channels: int, height: int, width: int
) -> None:
    torch.manual_seed(0)
    x = torch.randn(batch, channels, 2 * height, 2 * width, dtype=torch.float64)
    weight = torch.randn(channels, 1, kernel, kernel, dtype=torch.float64)
    padding = kernel - 1
    expected = derivatives(lambda a, w: F.conv2d(a, w, None, 1, padding, 2, channels), x, weight)
    found = derivatives(
        lambda a, w: from_phases(depthwise_convolution(to_phases(a), w, 1, padding // 2, 1)),
        x,
        weight,
    )
    for mine, theirs in zip(found, expected, strict=True):
        assert (mine - theirs).norm() <= 1e-12 * theirs.norm()


def test_phases_are_for_even_channels_last_images_alone() -> None:
    def image(height: int, width: int) -> Tensor:
        return torch.zeros(2, 3, height, width).contiguous(memory_format=torch.channels_last)

    assert has_phases(image(4, 6))
    assert not has_phases(image(5, 6)) and not has_phases(image(4, 7))
    assert not has_phases(torch.zeros(2, 3, 4, 6))


def test_a_strided_dilated_convolution_keeps_the_memory_format() -> None:
    """Of its gradient too, and with second derivatives: sums with it would lose it otherwise."""
    x = torch.randn(2, 3, 7, 6).contiguous(memory_format=torch.channels_last).requires_grad_()
    weight = torch.randn(3, 1, 3, 3)
    (gradient,) = torch.autograd.grad(depthwise_convolution(x, weight, 2, 2, 2).sum(), x)
    assert gradient.is_contiguous(memory_format=torch.channels_last)
    double = x.detach().double().requires_grad_()
    for start in (0, 1):
        assert torch.autograd.gradcheck(lambda x, start=start: grid(x, start), double)
        assert torch.autograd.gradgradcheck(lambda x, start=start: grid(x, start), double)
