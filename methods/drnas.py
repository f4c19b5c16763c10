"""DrNAS: Dirichlet neural architecture search.

Source: Chen, Wang, Cheng, Tang, Hsieh 2021 (arXiv 2006.10355) and its public code.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.distributions import Dirichlet, kl_divergence

from bench.method import Batches, Objective, Phase
from bench.options import Count, NonNegative, Positive, options
from bench.seeds import generator
from bench.space.mixture import CellMixture, Mixture
from bench.space.supernet import Supernet
from methods.relaxed import Relaxed, RelaxedConfig


@options
class DrNasConfig(RelaxedConfig):
    """Defaults of the public code; the Kullback-Leibler regulariser of the paper's section 2.3."""

    alpha_learning_rate: Positive = 6e-4
    """Adam, constant."""
    alpha_weight_decay: NonNegative = 0.0
    """The code's alternative to the KL: 1e-3."""
    learning_rate: Positive = 0.1
    """SGD on the weights, cosine."""
    learning_rate_min: NonNegative = 0.0
    kl_weight: NonNegative = 1e-3
    """Of the sum over edges of KL(Dir(beta) || Dir(1))."""
    partial_channels: Count = 1
    """Mix one of so many parts of the channels."""


class DrNas(Relaxed):
    """DrNAS (arXiv 2006.10355): mixing weights from a Dirichlet, pathwise gradient, KL to Dir(1).

    CE(f(x; z), y) + kl_weight * sum over edges KL[Dir(beta) || Dir(1)],
    z ~ Dir(beta), beta = elu(alpha) + 1; the KL in alpha's objective alone
    """

    Config = DrNasConfig
    config: DrNasConfig

    @property
    def partial_channels(self) -> int:
        return self.config.partial_channels

    def concentration(self) -> dict[str, Tensor]:
        """Cell type -> beta, [edges, operations], positive."""
        tiny = 1e-6  # elu underflows to exactly -1 for alpha below about -17
        return {kind: F.elu(alpha) + 1 + tiny for kind, alpha in self.alpha.items()}

    def mixture(self, batch: int) -> Mixture:
        return Mixture({k: CellMixture(self._draw(b)) for k, b in self.concentration().items()})

    def _draw(self, beta: Tensor) -> Tensor:
        if not self.training:
            return beta / beta.sum(-1, keepdim=True)
        gamma = self.task.noise.gamma(beta).clamp_min(torch.finfo(beta.dtype).tiny)
        return gamma / gamma.sum(-1, keepdim=True)

    def divergence(self) -> Tensor:
        """Sum over cell types and edges of KL(Dir(beta) || Dir(1)), nats."""
        divergences = [
            kl_divergence(  # without validation, which reads from the device
                Dirichlet(beta, validate_args=False),
                Dirichlet(torch.ones_like(beta), validate_args=False),
            ).sum()
            for beta in self.concentration().values()
        ]
        return torch.stack(divergences).sum()

    def phases(self, supernet: Supernet) -> list[Phase]:
        architecture, weights = super().phases(supernet)
        plain = architecture.objective

        def regularised(batches: Batches) -> Objective:
            outcome = plain(batches)
            kl = self.config.kl_weight * self.divergence()
            return Objective({**outcome.terms, "kl": kl}, outcome.metrics)

        architecture.objective = regularised
        return [architecture, weights]

    def columns(self) -> dict[str, dict[str, Tensor]]:
        values = {}
        for kind, beta in self.concentration().items():
            beta = beta.detach().cpu()
            law = Dirichlet(beta)
            values[kind] = {
                "mean": law.mean,
                "std": law.variance.sqrt(),
                "probability": self._largest(beta),
            }
        return values

    def _largest(self, beta: Tensor, samples: int = 2000) -> Tensor:
        """P(the operation's weight is the largest of its edge's candidates), by Monte Carlo."""
        draws = torch._standard_gamma(
            beta.expand(samples, *beta.shape), generator=generator("cpu", "probability")
        )
        none = [i for i in range(beta.shape[-1]) if i not in self.task.candidates]
        draws[..., none] = -1.0
        best = draws.argmax(-1, keepdim=True)
        return torch.zeros_like(draws).scatter_(-1, best, 1.0).mean(0)
