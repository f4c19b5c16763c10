"""What PGNAS adds to the cross-entropy: a norm and an entropy, each with a scale of its own."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor, nn

from bench.method import Task
from bench.options import NonNegative, Positive, options
from bench.space.supernet import Supernet
from methods.guided.groups import equal_costs, paper_costs
from methods.price import set_price

COSTS = {"paper": paper_costs, "equal": equal_costs}


@options
class RegulariserConfig:
    """Costs of an operation and their weights."""

    l2: NonNegative = 500.0
    """l^2, inverse variance of the slab (paper: 0.1 to 2500); a price makes it irrelevant."""
    objective: Literal["equal", "paper"] = "equal"
    """Prior cost of an operation: the same for all, or the paper's."""
    examples_factor: Positive = 10.0
    """N = this times the training images."""
    norm_scale: NonNegative | None = None
    """Weight of the norm; null: equal: the rule of methods/price.py; paper: 1 / N."""
    price: NonNegative = 0.5
    """Share of an edge's worth that an operation's norm costs."""
    entropy_scale: NonNegative | None = None
    """Weight of the entropy; null: equal: the same rule; paper: 1 / N."""
    entropy_price: NonNegative = 0.1
    """Share of an edge's worth that certainty about an operation, ln 2 nats, costs."""


class Regulariser(nn.Module):
    """norm_scale * sum over groups l^2 (1 - p) / 2 * cost - entropy_scale * sum over groups K H(p).

    H(p), the entropy of one eps, is the Bernoulli's; arXiv 1906.09557 writes its first half. cost
    and K: methods/guided/groups.py. Tables are [edges, candidates] by cell type.
    """

    norm_scale: Tensor
    entropy_scale: Tensor

    def __init__(self, config: RegulariserConfig, task: Task) -> None:
        super().__init__()
        self.config, self.task, self.costs = config, task, COSTS[config.objective]
        unset = 0.0
        if config.objective == "paper":
            unset = 1 / (config.examples_factor * task.train_images)
        for name, scale in self._given().items():
            self.register_buffer(name, torch.tensor(unset if scale is None else scale))

    def _given(self) -> dict[str, float | None]:
        return {"norm_scale": self.config.norm_scale, "entropy_scale": self.config.entropy_scale}

    @property
    def scales(self) -> dict[str, float]:
        """Both scales, by name."""
        return {"norm_scale": float(self.norm_scale), "entropy_scale": float(self.entropy_scale)}

    def terms(
        self, keep: Mapping[str, Tensor], entropies: Mapping[str, Tensor], supernet: Supernet
    ) -> dict[str, Tensor]:
        """The two terms, nats. keep: 1 - p; entropies: of one eps, nats."""
        costs, counts = self.costs(self.task, supernet)
        norm = torch.stack([(keep[kind] * costs[kind]).sum() for kind in keep]).sum()
        entropy = torch.stack([(counts[kind] * entropies[kind]).sum() for kind in keep]).sum()
        return {
            "norm": self.norm_scale * self.config.l2 / 2 * norm,
            "entropy": -self.entropy_scale * entropy,
        }

    def set_prices(self, worth: float, supernet: Supernet) -> None:
        """The scales that are not given, by the price rule. worth: of an edge, nats."""
        c = self.config
        if c.norm_scale is None:
            costs, _ = self.costs(self.task, supernet)
            mean = torch.cat([cost.detach().flatten() for cost in costs.values()]).mean()
            set_price(self.norm_scale, worth, c.price, c.l2 / 2 * float(mean))
        if c.entropy_scale is None:
            set_price(self.entropy_scale, worth, c.entropy_price, math.log(2))
