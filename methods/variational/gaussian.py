"""A mean-field Gaussian posterior: of relevances, of their cell types, of weights."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

from bench.noise import Noise
from methods.variational.priors import Prior, kl_divergence, log_alpha


class MeanField:
    """q(x) = Normal(mean, exp(log_variance)), independently for every element.

    `mean` and `log_variance` have one shape. A layer's mean is its weight (`variational.layers`).
    """

    mean: Tensor
    log_variance: nn.Parameter

    @property
    def deviation(self) -> Tensor:
        """Standard deviation."""
        return (0.5 * self.log_variance).exp()

    @property
    def log_alpha(self) -> Tensor:
        """Log dropout rate, log s2 - log mu^2, without gradient; +inf where the mean is 0."""
        return log_alpha(self.mean.detach(), self.log_variance.detach())

    def sample(self, noise: Noise, leading: Sequence[int] = ()) -> Tensor:
        """Draws mean + deviation * eps, reparametrised: [*leading, *shape]."""
        like = self.mean.expand(*leading, *self.mean.shape)
        return self.mean + self.deviation * noise.normal(like)

    def dead(self, threshold: float) -> Tensor:
        """Which elements have log_alpha >= threshold: boolean, [*shape]."""
        return self.log_alpha >= threshold

    def kl(self, prior: Prior) -> Tensor:
        """KL[q || prior], nats, summed over the elements."""
        return kl_divergence(self.mean, self.log_variance, prior)


class Gaussian(MeanField, nn.Module):
    """A mean-field Gaussian whose parameters are all its own, started at the same values."""

    def __init__(self, shape: tuple[int, ...], mean: float, log_variance: float) -> None:
        super().__init__()
        self.mean = nn.Parameter(torch.full(shape, mean))
        self.log_variance = nn.Parameter(torch.full(shape, log_variance))


def gaussians(module: nn.Module) -> list[MeanField]:
    """Every mean-field Gaussian in a module, in order."""
    return [part for part in module.modules() if isinstance(part, MeanField)]


def total_kl(parts: Iterable[MeanField], prior: Prior) -> Tensor:
    """The sum of the parts' KL, nats: on two long vectors, for hundreds of small ones are slow."""
    parts = list(parts)
    means = torch.cat([part.mean.flatten() for part in parts])
    log_variances = torch.cat([part.log_variance.flatten() for part in parts])
    return kl_divergence(means, log_variances, prior)
