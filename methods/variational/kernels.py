"""Autograd functions for what local reparametrisation adds: few passes over memory each way."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

FLOOR = 1e-8
"""Added to the variance of an output: keeps the square root's gradient finite at 0."""


class _HalfSquare(torch.autograd.Function):
    """x^2 / 2, whose gradient is x: one pass over memory each way, where x^2 takes three."""

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return torch.addcmul(x.new_zeros(()), x, x, value=0.5)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return grad * x


def half_square(x: Tensor) -> Tensor:
    """x^2 / 2, of any shape."""
    squared: Tensor = _HalfSquare.apply(x)
    return squared


class _Perturb(torch.autograd.Function):
    """mean + eps * sqrt(variance + FLOOR), with one saved tensor.

    With d = 2 sqrt(variance + FLOOR) the derivative in the variance is eps / d, which is what is
    saved: the factor 1/2 of the square root's derivative is in d and costs no pass backwards.
    """

    @staticmethod
    def forward(mean: Tensor, variance: Tensor, eps: Tensor) -> tuple[Tensor, Tensor]:
        floor = variance.new_full((), 4 * FLOOR)
        twice = torch.add(floor, variance, alpha=4).sqrt_()
        return torch.addcmul(mean, eps, twice, value=0.5), eps / twice

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: tuple[Tensor, Tensor]) -> None:
        ctx.mark_non_differentiable(output[1])
        ctx.save_for_backward(output[1])

    @staticmethod
    def backward(ctx: Any, grad: Tensor, _: Tensor) -> tuple[Tensor, Tensor, None]:
        (slope,) = ctx.saved_tensors
        return grad, grad * slope, None


def perturb(mean: Tensor, variance: Tensor, eps: Tensor) -> Tensor:
    """A draw from Normal(mean, variance + FLOOR) for standard normal `eps`, all of one shape."""
    perturbed: Tensor = _Perturb.apply(mean, variance, eps)[0]
    return perturbed
