"""Gaussian relevances of operations: q(z) for every edge and candidate, shared as asked for.

z is keyed by cell type ("normal") or, where positions differ, by position ("0"). Hierarchical:
z[l, e, o] ~ Normal(z[c, e, o], tau[c]^2) with tau learned, and z[c, e, o] under the relevances'
own prior, so that positions differ where the data say so. The paper (arXiv 2007.06103) names more
than two cell types as future work; this form of it is ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

import torch
from torch import Tensor, nn

from bench.method import Task
from bench.posterior import probability_of_best
from methods.variational.gaussian import Gaussian, total_kl
from methods.variational.priors import Prior

Sharing = Literal["cell_type", "position", "hierarchical"]

INITIAL_TAU = 0.1
INFINITE = float("inf")
TINY = 1e-30
"""An edge whose means are all 0 has no preference: its entropy is the largest."""


class Relevances(nn.Module):
    """`posteriors`: key -> Gaussian [edges, candidates]; `none` is no candidate.

    Args:
        sharing: who shares a z: the positions of a cell type; nobody; or, hierarchical, positions
            vary around their cell type.
        log_variance: at the start; means start at 1 / candidates.
    """

    def __init__(self, task: Task, sharing: Sharing, log_variance: float) -> None:
        super().__init__()
        self.columns = task.columns
        shape, start = (len(task.graph.edges), len(task.candidates)), 1 / len(task.candidates)
        keys = task.kinds
        if sharing != "cell_type":
            keys = tuple(str(position.index) for position in task.positions)
        self.posteriors = nn.ModuleDict({key: Gaussian(shape, start, log_variance) for key in keys})
        self.types = nn.ModuleDict()
        self.log_tau = nn.ParameterDict()
        self.members: dict[str, list[str]] = {}
        if sharing == "hierarchical":
            for kind in task.kinds:
                self.types[kind] = Gaussian(shape, start, log_variance)
                self.log_tau[kind] = torch.tensor(INITIAL_TAU).log()
                self.members[kind] = [str(p.index) for p in task.positions if p.kind == kind]

    def items(self) -> Iterable[tuple[str, Gaussian]]:
        """(key, posterior) of every cell type or position."""
        for key, posterior in self.posteriors.items():
            assert isinstance(posterior, Gaussian)
            yield key, posterior

    def means(self) -> list[nn.Parameter]:
        """The parameters that are means, those of cell types last."""
        every = [*self.posteriors.values(), *self.types.values()]
        return [part.get_parameter("mean") for part in every]

    def scales(self) -> list[nn.Parameter]:
        """The other parameters: log variances, and log tau where there are cell types above."""
        every = [*self.posteriors.values(), *self.types.values()]
        return [*(part.get_parameter("log_variance") for part in every), *self.log_tau.values()]

    def kl(self, prior: Prior) -> Tensor:
        """KL[q(z) || p(z)], nats.

        Hierarchical: that of the cell types under the prior, and for every position l of type c
        E_q(z_c) KL[q(z_l) || Normal(z_c, tau^2)]
        = 1/2 sum [ (s2_l + (mu_l - mu_c)^2 + s2_c) / tau^2 - 1 + log tau^2 - log s2_l ].
        """
        own = dict(self.items())
        if not self.types:
            return total_kl(own.values(), prior)
        types = {kind: part for kind, part in self.types.items() if isinstance(part, Gaussian)}
        total = total_kl(types.values(), prior)
        for kind, cell_type in types.items():
            log_tau2, spread = 2 * self.log_tau[kind], cell_type.log_variance.exp()
            for position in (own[key] for key in self.members[kind]):
                log_variance = position.log_variance
                distance = (position.mean - cell_type.mean).square()
                distance = log_variance.exp() + distance + spread
                divergence = distance * (-log_tau2).exp() - 1 + log_tau2 - log_variance
                total = total + 0.5 * divergence.sum()
        return total

    # -- tables by key, [edges, operations], without gradient; `none` is -inf unless said otherwise

    def log_alpha(self) -> dict[str, Tensor]:
        """Log dropout rates; +inf for `none`."""
        return {key: self.columns(q.log_alpha, INFINITE) for key, q in self.items()}

    def alive(self, threshold: float) -> dict[str, Tensor]:
        """Where log_alpha is below the threshold."""
        return {key: rate < threshold for key, rate in self.log_alpha().items()}

    def log_snr(self) -> dict[str, Tensor]:
        """Log of |mu| / s."""
        return {key: -0.5 * rate for key, rate in self.log_alpha().items()}

    def magnitude(self) -> dict[str, Tensor]:
        """|mu|."""
        return {key: self.columns(q.mean.detach().abs(), -INFINITE) for key, q in self.items()}

    def entropy(self) -> float:
        """Mean over edges of the entropy of |mu| divided by its sum over the edge, nats."""
        sizes = torch.cat([q.mean.detach().abs() + TINY for _, q in self.items()])
        shares = sizes / sizes.sum(-1, keepdim=True)
        return float(-torch.xlogy(shares, shares).sum(-1).mean())

    def probability(self, absent: float = -INFINITE) -> dict[str, Tensor]:
        """P(|z| is the largest of its edge), by Monte Carlo; `absent` for `none`."""
        best = {}
        for key, q in self.items():
            p = probability_of_best(q.mean.detach(), q.deviation.detach())
            best[key] = self.columns(p.to(q.mean.device, q.mean.dtype), absent)
        return best

    def table(self, threshold: float) -> dict[str, Mapping[str, Tensor]]:
        """Key -> columns of the posterior table (`bench.posterior`)."""
        rates, alive, best = self.log_alpha(), self.alive(threshold), self.probability(absent=0.0)
        return {
            key: {
                "mean": self.columns(q.mean.detach(), float("nan")),
                "std": self.columns(q.deviation.detach(), float("nan")),
                "log_alpha": rates[key],
                "snr": (-0.5 * rates[key]).exp(),
                "probability": best[key],
                "alive": alive[key],
            }
            for key, q in self.items()
        }
