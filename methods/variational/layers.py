"""Layers with Gaussian weights and the estimators of their noise.

Sources: Kingma, Salimans and Welling 2015 (arXiv 1506.02557, local reparametrisation); Wen, Vicol,
Ba, Tran and Grosse 2018 (arXiv 1803.04386, flipout).
"""

from __future__ import annotations

from typing import Any, Literal, Unpack

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench.noise import Noise
from bench.space.layers import Convolution, Form, Layers
from methods.variational.gaussian import MeanField
from methods.variational.kernels import half_square, perturb

Estimator = Literal["lrt", "lrt_fused", "weight", "flipout", "mixed"]
LayerEstimator = Estimator | Literal["mean"]
"""`mean`: no noise at all."""


class GaussianLayer(MeanField, nn.Module):
    """A linear map A whose weights are q(w) = Normal(mu, s2): `weight` is mu.

    In training its output is one draw of its law, by the estimator; in evaluation A(x, mu).
    """

    weight: nn.Parameter

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)

    def make_gaussian(
        self, noise: Noise, estimator: LayerEstimator, log_variance: float, inner: bool
    ) -> None:
        """Give every weight the variance exp(log_variance). `inner`: of `Layers.convolution`."""
        self.noise, self.estimator, self.inner = noise, estimator, inner
        self.log_variance = nn.Parameter(torch.full_like(self.weight, log_variance))

    @property
    def mean(self) -> Tensor:  # type: ignore[override]
        """The layer's weight."""
        return self.weight

    @property
    def draws(self) -> bool:
        """Whether the next output is a draw."""
        return self.training and self.estimator != "mean"

    def draw_output(self, x: Tensor, mean: Tensor, log_variance: Tensor, **geometry: Any) -> Tensor:
        """The output for `x` under one draw of the weights' law, by the layer's estimator.

        lrt: y = A(x, mu) + eps sqrt(A(x^2, s2) + 1e-8), eps ~ N(0, 1) for every output element;
        lrt_fused: the same law, both maps in one grouped call; weight: one draw of the weights for
        the batch; flipout: that draw, decorrelated between examples by signs; mixed: weight for
        inner convolutions (as of `Layers.convolution`), lrt for all others.
        """
        estimator = self.estimator
        if estimator == "mixed":
            estimator = "weight" if self.inner else "lrt"
        if estimator == "weight":
            weight = mean + self.noise.normal(mean) * (0.5 * log_variance).exp()
            return self.linear_map(x, weight, **geometry)
        if estimator == "flipout":
            shared = self.noise.normal(mean) * (0.5 * log_variance).exp()
            y = self.linear_map(x, mean, **geometry)
            ones = (1,) * (x.dim() - 2)
            before = self.noise.signs(x.new_empty(x.shape[:2])).reshape(*x.shape[:2], *ones)
            after = self.noise.signs(y.new_empty(y.shape[:2])).reshape(*y.shape[:2], *ones)
            return y + after * self.linear_map(x * before, shared, **geometry)
        variance = 2 * log_variance.exp()  # it meets half squares
        if estimator == "lrt_fused":
            y, spread = self.both_maps(x, mean, variance, **geometry)
        else:
            y = self.linear_map(x, mean, **geometry)
            spread = self.linear_map(half_square(x), variance, **geometry)
        return perturb(y, spread, self.noise.normal(y))

    def linear_map(self, x: Tensor, weight: Tensor, **geometry: Any) -> Tensor:
        """A(x, weight), without bias."""
        raise NotImplementedError

    def both_maps(
        self, x: Tensor, mean: Tensor, variance: Tensor, **geometry: Any
    ) -> tuple[Tensor, Tensor]:
        """(A(x, mean), A(x^2 / 2, variance)) in one call."""
        raise NotImplementedError


class VariationalConvolution(GaussianLayer, Convolution):
    """A convolution with Gaussian weights."""

    def linear_map(self, x: Tensor, weight: Tensor, **geometry: Any) -> Tensor:
        return self.convolve(x, weight, geometry["in_phases"])

    def both_maps(
        self, x: Tensor, mean: Tensor, variance: Tensor, **geometry: Any
    ) -> tuple[Tensor, Tensor]:
        doubled = torch.cat([x, half_square(x)], 1)
        y = self.convolve(doubled, torch.cat([mean, variance]), geometry["in_phases"])
        first, second = y.chunk(2, 1)
        return first, second

    def forward(
        self,
        x: Tensor,
        edges: tuple[int, ...] | None = None,
        mask: Tensor | None = None,
        in_phases: bool = False,
    ) -> Tensor:
        if not self.draws:
            return super().forward(x, edges, mask, in_phases)
        if mask is not None:
            x = x * mask.flatten(-2)[..., None, None]
        mean, log_variance = self.select(self.weight, edges), self.select(self.log_variance, edges)
        return self.draw_output(x, mean, log_variance, in_phases=in_phases)


class VariationalLinear(GaussianLayer, nn.Linear):  # type: ignore[misc]
    """A linear layer with Gaussian weights and an ordinary bias."""

    def linear_map(self, x: Tensor, weight: Tensor, **geometry: Any) -> Tensor:
        return F.linear(x, weight)

    def both_maps(
        self, x: Tensor, mean: Tensor, variance: Tensor, **geometry: Any
    ) -> tuple[Tensor, Tensor]:
        both = torch.stack([mean, variance]).transpose(1, 2)
        y = torch.bmm(torch.stack([x, half_square(x)]), both)
        return y[0], y[1]

    def forward(self, x: Tensor) -> Tensor:
        if not self.draws:
            return super().forward(x)
        return self.draw_output(x, self.weight, self.log_variance) + self.bias


class VariationalLayers(Layers):
    """Makes layers with Gaussian weights, all with the variance exp(log_variance) at the start."""

    def __init__(
        self, noise: Noise, estimator: LayerEstimator = "lrt", log_variance: float = -10.0
    ) -> None:
        self.noise, self.estimator, self.log_variance = noise, estimator, log_variance

    def convolution(
        self,
        channels_in: int,
        channels_out: int,
        kernel: int,
        *,
        inner: bool = False,
        **form: Unpack[Form],
    ) -> VariationalConvolution:
        layer = VariationalConvolution(channels_in, channels_out, kernel, **form)
        layer.make_gaussian(self.noise, self.estimator, self.log_variance, inner)
        return layer

    def linear(self, features_in: int, features_out: int) -> VariationalLinear:
        layer = VariationalLinear(features_in, features_out)
        layer.make_gaussian(self.noise, self.estimator, self.log_variance, inner=False)
        return layer
