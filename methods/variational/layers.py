"""Mean-field Gaussian layers, their noise estimators and their KL terms.

q(w) = Normal(mu, s2) per weight; log_alpha = log s2 - log mu^2. Sources: Kingma, Salimans, Welling
2015 (local reparametrisation); Molchanov, Ashukha, Vetrov 2017 (log-uniform prior, threshold);
Kharitonov, Molchanov, Vetrov 2018 (ARD prior at its empirical-Bayes optimum); Wen et al. 2018
(flipout).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, Unpack

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench.noise import Noise
from bench.space.layers import Convolution, Form, Layers

Estimator = Literal["lrt", "lrt_fused", "weight", "flipout", "mixed"]
LayerEstimator = Estimator | Literal["mean"]
"""`mean`: no noise at all."""

Prior = Literal["ard", "log_uniform"]

_K1, _K2, _K3 = 0.63576, 1.87320, 1.48695
_FLOOR = 1e-8
"""Keeps the square root's gradient finite."""


def log_alpha(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Log dropout rate, log s2 - log mu^2; +inf where the mean is 0."""
    return log_variance - mean.square().log()


def kl_divergence(mean: Tensor, log_variance: Tensor, prior: Prior = "ard") -> Tensor:
    """Sum over elements of KL(q || prior), nats (for `log_uniform` up to a constant).

    ard: 1/2 log(1 + mu^2 / s2) (Kharitonov 2018), as 1/2 (log(s2 + mu^2) - log s2).
    log_uniform: Molchanov 2017, equation 14.
    """
    if prior == "ard":
        return 0.5 * ((log_variance.exp() + mean.square()).log() - log_variance).sum()
    rate = log_variance - (mean.square() + _FLOOR).log()
    return (_K1 - _K1 * torch.sigmoid(_K2 + _K3 * rate) + 0.5 * F.softplus(-rate)).sum()


class _HalfSquare(torch.autograd.Function):
    """x^2 / 2, whose gradient is x: one pass over memory each way (that of x^2 takes three)."""

    generate_vmap_rule = True

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


def _half_square(x: Tensor) -> Tensor:
    squared: Tensor = _HalfSquare.apply(x)
    return squared


class _Perturb(torch.autograd.Function):
    """mean + eps sqrt(variance + floor), with one saved tensor and few passes over memory."""

    generate_vmap_rule = True

    @staticmethod
    def forward(mean: Tensor, variance: Tensor, eps: Tensor) -> tuple[Tensor, Tensor]:
        floor = variance.new_full((), 4 * _FLOOR)
        twice = torch.add(floor, variance, alpha=4).sqrt_()  # deviations: spares 1/2 backwards
        return torch.addcmul(mean, eps, twice, value=0.5), eps / twice

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: tuple[Tensor, Tensor]) -> None:
        ctx.mark_non_differentiable(output[1])
        ctx.save_for_backward(output[1])

    @staticmethod
    def backward(ctx: Any, grad: Tensor, _: Tensor) -> tuple[Tensor, Tensor, None]:
        (slope,) = ctx.saved_tensors
        return grad, grad * slope, None


def _perturb(mean: Tensor, variance: Tensor, eps: Tensor) -> Tensor:
    perturbed: Tensor = _Perturb.apply(mean, variance, eps)[0]
    return perturbed


class Variational(nn.Module):
    """What variational layers share: `weight` is the mean, `log_variance` has its shape."""

    weight: nn.Parameter
    log_variance: nn.Parameter

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)

    def spread_by(
        self, noise: Noise, estimator: LayerEstimator, initial: float, inner: bool
    ) -> None:
        """Add the variances: all exp(initial). `inner`: as of `Layers.convolution`."""
        self.noise, self.estimator, self.inner = noise, estimator, inner
        self.log_variance = nn.Parameter(torch.full_like(self.weight, initial))

    def dead(self, threshold: float) -> Tensor:
        """Which weights have log_alpha >= threshold."""
        return log_alpha(self.weight.detach(), self.log_variance.detach()) >= threshold

    def sample(self, x: Tensor, mean: Tensor, log_variance: Tensor, **geometry: Any) -> Tensor:
        """The layer's output under one draw of its law, by the layer's estimator.

        lrt: y = A(x, mu) + eps sqrt(A(x^2, s2) + 1e-8) for the linear map A, eps ~ N(0, 1) an
        output element; lrt_fused: the same law, both maps in one grouped call; weight: one draw of
        the weights for the batch; flipout: that draw, decorrelated between examples by signs;
        mixed: weight for inner convolutions (as of `Layers.convolution`), lrt for all others.
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
        variance = 2 * log_variance.exp()  # meets half squares
        if estimator == "lrt_fused":
            y, spread = self.both_maps(x, mean, variance, **geometry)
        else:
            y = self.linear_map(x, mean, **geometry)
            spread = self.linear_map(_half_square(x), variance, **geometry)
        return _perturb(y, spread, self.noise.normal(y))

    def linear_map(self, x: Tensor, weight: Tensor, **geometry: Any) -> Tensor:
        """The deterministic layer (without bias) with any weight."""
        raise NotImplementedError

    def both_maps(
        self, x: Tensor, mean: Tensor, variance: Tensor, **geometry: Any
    ) -> tuple[Tensor, Tensor]:
        """(A(x, mean), A(x^2 / 2, variance)) in one call."""
        raise NotImplementedError


class VariationalConvolution(Variational, Convolution):
    """A convolution with Gaussian weights; in evaluation mode it uses the means."""

    def linear_map(self, x: Tensor, weight: Tensor, **geometry: Any) -> Tensor:
        return self.convolve(x, weight, geometry["in_phases"])

    def both_maps(
        self, x: Tensor, mean: Tensor, variance: Tensor, **geometry: Any
    ) -> tuple[Tensor, Tensor]:
        doubled = torch.cat([x, _half_square(x)], 1)
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
        if not self.training or self.estimator == "mean":
            return super().forward(x, edges, mask, in_phases)
        if mask is not None:
            x = x * mask.flatten(-2)[..., None, None]
        mean = self.select(self.weight, edges)
        return self.sample(x, mean, self.select(self.log_variance, edges), in_phases=in_phases)


class VariationalLinear(Variational, nn.Linear):  # type: ignore[misc]
    """A linear layer with Gaussian weights and an ordinary bias."""

    def linear_map(self, x: Tensor, weight: Tensor, **geometry: Any) -> Tensor:
        return F.linear(x, weight)

    def both_maps(
        self, x: Tensor, mean: Tensor, variance: Tensor, **geometry: Any
    ) -> tuple[Tensor, Tensor]:
        both = torch.stack([mean, variance]).transpose(1, 2)
        y = torch.bmm(torch.stack([x, _half_square(x)]), both)
        return y[0], y[1]

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.estimator == "mean":
            return super().forward(x)
        return self.sample(x, self.weight, self.log_variance) + self.bias


class VariationalLayers(Layers):
    """Makes variational layers and remembers them, for their KL term.

    Args:
        initial_log_variance: log s2 at the start.
    """

    def __init__(
        self,
        noise: Noise,
        estimator: LayerEstimator = "lrt",
        prior: Prior = "ard",
        initial_log_variance: float = -10.0,
    ) -> None:
        self.noise, self.estimator, self.prior = noise, estimator, prior
        self.initial = initial_log_variance
        self.made: list[Variational] = []

    def convolution(
        self,
        channels_in: int,
        channels_out: int,
        kernel: int,
        *,
        inner: bool = False,
        **form: Unpack[Form],
    ) -> Convolution:
        layer = VariationalConvolution(channels_in, channels_out, kernel, **form)
        self._remember(layer, inner)
        return layer

    def linear(self, features_in: int, features_out: int) -> nn.Module:
        layer = VariationalLinear(features_in, features_out)
        self._remember(layer)
        return layer

    def _remember(self, layer: Variational, inner: bool = False) -> None:
        layer.spread_by(self.noise, self.estimator, self.initial, inner)
        self.made.append(layer)

    def means(self) -> list[nn.Parameter]:
        return [layer.weight for layer in self.made]

    def log_variances(self) -> list[nn.Parameter]:
        return [layer.log_variance for layer in self.made]

    def kl(self) -> Tensor:
        """KL of all layers, summed over weights (nats), on two long vectors."""
        return kl_divergence(flat(self.means()), flat(self.log_variances()), self.prior)


def flat(tensors: Iterable[Tensor]) -> Tensor:
    """All elements as one vector."""
    return torch.cat([tensor.flatten() for tensor in tensors])
