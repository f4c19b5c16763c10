"""Gaussian weights in a search, and what their KL may cost."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from bench.method import Task
from bench.options import NonNegative, options
from bench.space.fused.operations import held_by
from bench.space.layers import Layers
from bench.space.supernet import Supernet
from methods.price import set_price
from methods.variational.evaluation import GaussianEvaluation, GaussianEvaluationConfig
from methods.variational.gaussian import MeanField, gaussians, total_kl
from methods.variational.layers import VariationalLayers
from methods.variational.priors import Prior

KL_OF_AN_OPERATION = 3.0
"""Nats, at the start (log s2 = -10): of a relevance (mu = 1/8), and the mean of a weight's."""


@options
class GaussianSearchConfig(GaussianEvaluationConfig):
    """Whether the super-network's weights are Gaussian; options of the evaluation are inherited."""

    variational_weights: bool = False
    """Gaussian weights in the search too."""
    w_noise: bool = True
    """False: Gaussian weights are their means (a control)."""
    kl_w: bool = True
    """False: without the KL of Gaussian weights in the search (a control)."""
    weight_kl: Literal["priced", "elbo"] = "priced"
    """KL of Gaussian weights in the search: an operation's mean at a price, or the ELBO's sum."""
    weight_price: NonNegative = 0.1
    """Priced: share of an edge's worth that the KL of an operation's weights costs."""
    beta_w: NonNegative = 1.0
    """Elbo: KL weight of the weights in the search."""


class GaussianSearch(GaussianEvaluation):
    """Adds, with q(w) = Normal(mu, s2) for every weight, to what a search minimises one of

        c(t) lambda_w  sum over operations of the mean over their weights of KL[q(w) || p(w)]
        c(t) beta_w / N  sum over weights of KL[q(w) || p(w)]

    (priced and elbo). N: training images. lambda_w follows the rule of methods/price.py.
    """

    config: GaussianSearchConfig
    lambda_w: Tensor

    def __init__(self, config: GaussianSearchConfig, task: Task) -> None:
        super().__init__(config, task)
        self.register_buffer("lambda_w", torch.tensor(0.0))

    def layers(self) -> Layers:
        c = self.config
        if not c.variational_weights:
            return Layers()
        estimator = c.estimator if c.w_noise else "mean"
        return VariationalLayers(self.task.noise, estimator, c.initial_log_variance)

    def set_weight_price(self, worth: float) -> None:
        """lambda_w from the worth of an edge, nats."""
        set_price(self.lambda_w, worth, self.config.weight_price, KL_OF_AN_OPERATION)

    def penalty(self) -> dict[str, Tensor]:
        c, weights = self.config, gaussians(self.supernet)
        if not (weights and c.kl_w):
            return {}
        if c.weight_kl == "priced":
            return {"kl_w": self.warmth * self.lambda_w * mean_kl(self.supernet, c.prior)}
        scale = c.beta_w / self.task.train_images
        return {"kl_w": self.warmth * scale * total_kl(weights, c.prior)}


def mean_kl(supernet: Supernet, prior: Prior) -> Tensor:
    """Sum over operations of the mean KL of a weight, nats.

    An operation is that of one cell type and edge, over all positions of the type. Its KL is
    divided by the number of its weights, so that a 3x3 convolution costs what a 1x1 does. Every
    layer outside the cells' operations counts as one operation.
    """
    operations: dict[tuple[str, int, str], list[MeanField]] = {}
    edges: dict[tuple[str, int, str], int] = {}
    for cell, position in zip(supernet.fused_cells(), supernet.positions, strict=True):
        for number, stage in enumerate(cell.fused_stages()):
            for name in stage.operations:
                operation = held_by(stage.operations, name)
                key = (position.kind, number, name)
                operations.setdefault(key, []).extend(gaussians(operation))
                edges[key] = len(stage.graph.edges if operation.held is None else operation.held)
    inside = {id(layer) for layers in operations.values() for layer in layers}
    costs = [edges[key] * _mean(layers, prior) for key, layers in operations.items() if layers]
    costs += [_mean([layer], prior) for layer in gaussians(supernet) if id(layer) not in inside]
    return torch.stack(costs).sum()


def _mean(layers: list[MeanField], prior: Prior) -> Tensor:
    return total_kl(layers, prior) / sum(layer.mean.numel() for layer in layers)
