"""DrNAS: Dirichlet neural architecture search.

Source: Chen, Wang, Cheng, Tang, Hsieh 2021 (arXiv 2006.10355) and its public code
(xiangning-chen/DrNAS at f2caa4d).
"""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.distributions import Dirichlet, kl_divergence

from bench.method import Batches, Objective, Phase
from bench.options import Count, NonNegative, options
from bench.seeds import generator
from bench.space.mixture import CellMixture, Mixture
from bench.space.supernet import Supernet
from methods.relaxed import Relaxed, RelaxedConfig, share_largest


@options
class DrNasConfig(RelaxedConfig):
    """Defaults of the public code's search without a progressive stage, 201-space/train_search.py.

    There the rates are DARTS's, and the regulariser is l2 at 1e-3 (`--reg_type l2 --reg_scale
    1e-3`): weight decay of alpha, whose zero is Dir(1). In its search of the DARTS space, which has
    that stage, rates are 0.1 (to 0) and 6e-4.
    """

    regulariser: Literal["l2", "kl"] = "l2"
    """Of alpha: l2 is alpha_weight_decay alone, kl the paper's KL to Dir(1) alone (section 2.3)."""
    kl_weight: NonNegative = 1e-3
    """Of the sum over edges of KL(Dir(beta) || Dir(1)); none is published."""
    partial_channels: Count = 1
    """Mix one of so many parts of the channels."""


class DrNas(Relaxed):
    """DrNAS (arXiv 2006.10355): mixing weights from a Dirichlet, pathwise gradient, near Dir(1).

    CE(f(x; z), y) + R(alpha), z ~ Dir(beta), beta = elu(alpha) + 1, R in alpha's objective alone:
    l2: alpha_weight_decay / 2 |alpha|^2; kl: kl_weight * sum over edges KL[Dir(beta) || Dir(1)]
    """

    Config = DrNasConfig
    config: DrNasConfig
    stated_steps: ClassVar[int | None] = 100 * 390
    """Code (201-space/train_search.py): 100 epochs of 25,000 images in batches of 64."""

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

    def optimisers(self, supernet: Supernet) -> tuple[torch.optim.SGD, torch.optim.Adam]:
        sgd, adam = super().optimisers(supernet)
        if self.config.regulariser == "kl":
            adam.param_groups[0]["weight_decay"] = 0.0
        return sgd, adam

    def phases(self, supernet: Supernet) -> list[Phase]:
        architecture, weights = super().phases(supernet)
        if self.config.regulariser == "kl":
            plain = architecture.objective

            def regularised(batches: Batches) -> Objective:
                outcome = plain(batches)
                kl = self.config.kl_weight * self.divergence()
                return Objective({**outcome.terms, "kl": kl}, outcome.metrics)

            architecture.objective = regularised
        return [architecture, weights]

    def distribution(self) -> dict[str, Tensor]:
        """The Dirichlets' means, [edges, operations]."""
        beta = {kind: value.detach() for kind, value in self.concentration().items()}
        return {kind: value / value.sum(-1, keepdim=True) for kind, value in beta.items()}

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
        return share_largest(draws, self.task.candidates)
