"""Relevances of cell positions that vary around those of their cell type (VINNAS, hierarchical).

z[l, e, o] ~ Normal(z[c, e, o], tau[c]^2) with tau learned, z[c, e, o] under the relevances' own
prior: positions differ where the data say so. The paper names more than two cell types as future
work; this form of it is ours.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from bench.method import Task
from methods.variational.layers import Prior, flat, kl_divergence

INITIAL_TAU = 0.1


class RelevanceGroups(nn.Module):
    """The cell types' q(z[c]) = Normal(mean, exp(log_variance)), and log tau by cell type."""

    def __init__(
        self, task: Task, shape: tuple[int, int], mean: float, log_variance: float
    ) -> None:
        super().__init__()
        self.members = {
            kind: [str(position.index) for position in task.positions if position.kind == kind]
            for kind in task.kinds
        }
        self.mean = nn.ParameterDict({k: torch.full(shape, mean) for k in task.kinds})
        self.log_variance = nn.ParameterDict(
            {k: torch.full(shape, log_variance) for k in task.kinds}
        )
        tau = torch.tensor(INITIAL_TAU)
        self.log_tau = nn.ParameterDict({k: tau.log() for k in task.kinds})

    def kl(self, means: nn.ParameterDict, log_variances: nn.ParameterDict, prior: Prior) -> Tensor:
        """KL of positions given their types, in expectation over the types, plus that of the types.

        For Gaussians: 1/2 sum [ (s2 + (mu - mu_c)^2 + s2_c) / tau^2 - 1 + log tau^2 - log s2 ].
        """
        total = kl_divergence(flat(self.mean.values()), flat(self.log_variance.values()), prior)
        for kind, members in self.members.items():
            log_tau2 = 2 * self.log_tau[kind]
            centre, spread = self.mean[kind], self.log_variance[kind].exp()
            for key in members:
                mean, log_variance = means[key], log_variances[key]
                distance = log_variance.exp() + (mean - centre).square() + spread
                total = (
                    total + 0.5 * (distance * (-log_tau2).exp() - 1 + log_tau2 - log_variance).sum()
                )
        return total
