"""Training a found network with Gaussian weights: a part that any method can use.

A method inherits `GaussianEvaluation`, and its options `GaussianEvaluationConfig`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor

from bench.method import Method, Phase, evaluation_objective, evaluation_schedule
from bench.noise import Noise
from bench.options import Mark, NonNegative, Positive, Tunable, options
from bench.space.layers import Layers
from bench.space.network import DiscreteNetwork
from bench.training.config import EvaluationConfig
from bench.training.statistics import reestimate_statistics
from methods.variational.gaussian import gaussians, total_kl
from methods.variational.layers import Estimator, GaussianLayer, VariationalLayers
from methods.variational.priors import Prior

THRESHOLDS = (5.0, 4.0, 3.0, 2.0, 1.0, 0.0, -1.0, -2.0, -3.0, -4.0)
"""Of log_alpha, for the zeroing path."""


@options
class GaussianEvaluationConfig:
    """How a found network is trained and what of it is zeroed."""

    prior: Prior = "ard"
    """Prior of weights and relevances."""
    estimator: Estimator = "mixed"
    """Noise of the weights."""
    initial_log_variance: float = -10.0
    """Of weights and relevances."""
    log_variance_learning_rate: Positive = 1e-2
    """Adam, log variances of weights."""
    warm_up: Annotated[float, Field(gt=0, le=1)] = 0.5
    """Share of the epochs in which the KL weight rises."""
    threshold: Annotated[float, Tunable(-1.0, 5.0)] = 3.0
    """log_alpha from which on a variable is dead."""
    evaluation: Annotated[Literal["variational", "deterministic"], Mark.EVALUATION_ONLY] = (
        "variational"
    )
    """Deterministic: ordinary weights, nothing is zeroed."""
    evaluation_beta: Annotated[NonNegative, Tunable(0.003, 3.0, log=True), Mark.EVALUATION_ONLY] = (
        0.1
    )
    """KL weight of the weights in the evaluation."""


class GaussianEvaluation(Method):
    """Minimises, with q(w) = Normal(mu, s2) for every weight and N training images,

        loss(t) = E_q(w)[ CE(f(x; w), y) ] + c(t) evaluation_beta / N KL[q(w) || p(w)],

    c(t) rising from 0 to 1 over the warm-up. Means are trained by the study's SGD without weight
    decay (the KL takes its place), log variances by Adam. The network is measured with the means;
    weights with log_alpha >= threshold are zeroed.
    """

    config: GaussianEvaluationConfig

    @property
    def warmth(self) -> float:
        """c(t), in [0, 1]."""
        return min(1.0, self.progress / self.config.warm_up)

    def network_layers(self) -> Layers:
        c = self.config
        if c.evaluation == "deterministic":
            return Layers()
        return VariationalLayers(self.task.noise, c.estimator, c.initial_log_variance)

    def network_phases(
        self, network: DiscreteNetwork, config: EvaluationConfig, part: str, images: int
    ) -> list[Phase]:
        posteriors, c = gaussians(network), self.config
        if not posteriors:
            return super().network_phases(network, config, part, images)
        means = [posterior.mean for posterior in posteriors]
        spread = [posterior.log_variance for posterior in posteriors]
        variational = {id(parameter) for parameter in (*spread, *means)}
        others = [p for p in network.parameters() if id(p) not in variational]
        groups = [
            {"params": others, "weight_decay": config.weight_decay},
            {"params": means, "weight_decay": 0.0},
        ]
        sgd = torch.optim.SGD(groups, config.learning_rate, config.momentum)
        adam = torch.optim.Adam(spread, c.log_variance_learning_rate)

        def penalty() -> dict[str, Tensor]:
            kl = total_kl(posteriors, c.prior)
            return {"kl_w": self.warmth * c.evaluation_beta / images * kl}

        return [
            Phase(
                "weights",
                part,
                list(network.parameters()),
                [sgd, adam],
                evaluation_objective(network, config, part, penalty),
                evaluation_schedule(config),
                config.gradient_clip,
            )
        ]

    def settle(self, network: DiscreteNetwork, images: Iterable[Tensor]) -> None:
        """Batch statistics anew, with the means: those of training are of noisy activations."""
        if gaussians(network):
            reestimate_statistics(network, images)

    @property
    def thresholds(self) -> tuple[float, ...]:
        return THRESHOLDS if self.config.evaluation == "variational" else ()

    @property
    def threshold(self) -> float | None:
        return self.config.threshold if self.config.evaluation == "variational" else None

    @torch.no_grad()
    def zero(self, network: DiscreteNetwork, threshold: float) -> None:
        """Weights with log_alpha >= threshold become zero."""
        for layer in gaussians(network):
            assert isinstance(layer, GaussianLayer)
            layer.weight.masked_fill_(layer.dead(threshold), 0.0)

    @torch.no_grad()
    def draw(self, network: DiscreteNetwork, noise: Noise) -> bool:
        """Weights become one draw of q(w), dead ones zero; False where they are points.

        The network's weights have to be the means (`bench.training.uncertainty.predicting`).
        """
        layers = gaussians(network)
        for layer in layers:
            assert isinstance(layer, GaussianLayer)
            drawn = layer.sample(noise).masked_fill(layer.dead(self.config.threshold), 0.0)
            layer.weight.copy_(drawn)
        return bool(layers)
