"""VINNAS: variational inference-based neural network architecture search.

Source: Ferianc, Fan, Rodrigues 2020 (arXiv 2007.06103), as far as its abstract and summaries tell;
building blocks from Kingma 2015, Molchanov 2017 and Kharitonov 2018.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from bench.data.splits import Split
from bench.method import (
    Batches,
    Method,
    Objective,
    Phase,
    Selection,
    Task,
    cosine,
    evaluation_objective,
    evaluation_schedule,
)
from bench.options import Count, Mark, NonNegative, Positive, Tunable, options
from bench.posterior import probability_of_best, table
from bench.space.constants import index
from bench.space.genotype import Genotype
from bench.space.layers import Layers
from bench.space.mixture import CellMixture, Mixture
from bench.space.network import DiscreteNetwork
from bench.space.supernet import Supernet
from bench.training.config import EvaluationConfig
from bench.training.statistics import reestimate_statistics
from methods.alive import select_alive
from methods.price import worth_of_an_edge
from methods.variational.layers import (
    Estimator,
    Prior,
    VariationalLayers,
    flat,
    kl_divergence,
    log_alpha,
)
from methods.variational.relevances import RelevanceGroups

THRESHOLDS = (5.0, 4.0, 3.0, 2.0, 1.0, 0.0, -1.0, -2.0, -3.0, -4.0)
"""Of log_alpha, for the zeroing path."""

KL_OF_AN_OPERATION = 3.0
"""Nats: an operation's KL at the start (mu = 1/8, log s2 = -10)."""


@options
class VinnasConfig:
    """Defaults of METHODS.md."""

    prior: Prior = "ard"
    """Prior of weights and relevances."""
    draw: Literal["example", "batch", "element"] = "example"
    """One z for what."""
    noise: bool = True
    """False: z and w are their means (a control)."""
    variational_weights: bool = True
    """Gaussian weights in the search too."""
    estimator: Estimator = "mixed"
    """Noise of the weights."""
    beta_w: NonNegative = 1.0
    """KL weight of the weights in the search."""
    lambda_z: Annotated[float | None, Field(ge=0)] = None
    """Weight of the relevances' KL; null: the rule of methods/price.py."""
    price: NonNegative = 0.5
    """Share of an edge's worth that an operation's KL costs."""
    warm_up: Annotated[float, Field(gt=0, le=1)] = 0.5
    """Share of the epochs in which the KL weight rises."""
    bilevel: bool = False
    """Z on one half of the training images, w on the other."""
    sharing: Literal["cell_type", "position", "hierarchical"] = "cell_type"
    """Who shares a z; hierarchical: positions vary around their cell type."""
    learning_rate: Positive = 1e-3
    """Adam, means of the weights."""
    log_variance_learning_rate: Positive = 1e-2
    """Adam, log variances of weights."""
    z_learning_rate: Positive = 3e-3
    """Adam, means of z."""
    z_log_variance_learning_rate: Positive = 3e-2
    """Adam, log variances of z."""
    initial_log_variance: float = -10.0
    """Of weights and relevances."""
    gradient_clip: Positive = 5.0
    threshold: Annotated[float, Tunable(-1.0, 5.0)] = 3.0
    """Log_alpha from which on a variable is dead."""
    selection: Literal["snr", "all_alive", "probability", "magnitude"] = "snr"
    normalise_operations: bool = True
    """Normalise identities' outputs too."""
    edges_per_node: Count = 2
    evaluation: Annotated[Literal["variational", "deterministic"], Mark.EVALUATION_ONLY] = (
        "variational"
    )
    evaluation_beta: Annotated[NonNegative, Mark.EVALUATION_ONLY, Tunable(0.003, 3.0, log=True)] = (
        0.1
    )
    """KL weight of the weights in the evaluation."""


class Vinnas(Method):
    """VINNAS (arXiv 2007.06103): Gaussian relevances of operations under an ARD prior.

    Deviations and choices (all [ours] unless said otherwise; the paper's body was not available):
    - z = mu + s eps is not passed through a softmax: a mean of 0 means removed. One draw per
      example by default, the exact local reparametrisation of a scalar.
    - `none` has no relevance: an edge whose operations are all dead is what it means.
    - Every operation's output is normalised, the identity's too, so that relevances compare.
    - lambda_z follows the rule of `methods.price` (measured at the end of each warm-up epoch, on
      training images): with 1/N no operation ever dies. beta_w/N is the ELBO's [field].
    - w and z are updated jointly on all training images; `bilevel` as in DARTS.
    - The weights' noise is `mixed`: one draw of the weights a batch where another convolution comes
      before the mixture (within an operation, before a cell's operations), elsewhere lrt; of the
      estimators the cheapest whose gradient is not much noisier than lrt's (measured).
    - Adam for everything, no weight decay; the evaluation trains means with the study's SGD and
      log variances with Adam.
    - The evaluation's KL weight is 0.1, a tempered posterior: with 1, the ELBO, 8,000 images do not
      pay for the weights that they need (Fashion-MNIST, validation images).
    - Batch statistics are estimated anew with the mean weights after training and after zeroing.
    - Selection drops nothing silently: dead operations are not ranked, an empty node keeps its best
      operation and the record says `forced`.
    """

    Config = VinnasConfig
    config: VinnasConfig
    lambda_z: Tensor

    def __init__(self, config: VinnasConfig, task: Task) -> None:
        super().__init__(config, task)
        shape = (len(task.graph.edges), len(task.candidates))
        keys = task.kinds
        if config.sharing != "cell_type":
            keys = tuple(str(position.index) for position in task.positions)
        start = 1 / len(task.candidates)
        self.mean = nn.ParameterDict({key: nn.Parameter(torch.full(shape, start)) for key in keys})
        self.log_variance = nn.ParameterDict(
            {key: nn.Parameter(torch.full(shape, config.initial_log_variance)) for key in keys}
        )
        self.groups = (
            RelevanceGroups(task, shape, start, config.initial_log_variance)
            if config.sharing == "hierarchical"
            else None
        )
        self.register_buffer("lambda_z", torch.tensor(config.lambda_z or 0.0))
        self._layers: VariationalLayers | None = None
        self._network_layers: VariationalLayers | None = None

    # -- search ---------------------------------------------------------------------------------

    @property
    def normalise_operations(self) -> bool:
        return self.config.normalise_operations

    def layers(self) -> Layers:
        if not self.config.variational_weights:
            return Layers()
        self._layers = self._variational(self.config.noise)
        return self._layers

    def _variational(self, noise: bool) -> VariationalLayers:
        c = self.config
        return VariationalLayers(
            self.task.noise, c.estimator if noise else "mean", c.prior, c.initial_log_variance
        )

    def mixture(self, batch: int) -> Mixture:
        cells = {}
        for key, mean in self.mean.items():
            deviation = (0.5 * self.log_variance[key]).exp()
            variances = None
            z = mean
            if self.training and self.config.noise:
                if self.config.draw == "element":
                    variances = self._columns(deviation.square())
                else:
                    leading = (batch,) if self.config.draw == "example" else ()
                    like = mean.expand(*leading, *mean.shape)
                    z = mean + deviation * self.task.noise.normal(like)
            cells[key] = CellMixture(self._columns(z), variances)
        return Mixture(cells)

    def _columns(self, z: Tensor) -> Tensor:
        """[..., edges, candidates] -> [..., edges, operations], 0 for `none`."""
        full = z.new_zeros(*z.shape[:-1], len(self.task.space.operations))
        return full.index_copy(-1, index(self.task.candidates, z.device), z)

    def penalty(self) -> dict[str, Tensor]:
        c = self.config
        factor = min(1.0, self.progress / c.warm_up)
        terms = {"kl_z": factor * self.lambda_z * self._kl_z()}
        if self._layers is not None and c.beta_w > 0:
            terms["kl_w"] = factor * c.beta_w / self.task.train_images * self._layers.kl()
        return terms

    def _kl_z(self) -> Tensor:
        means, variances = self.mean, self.log_variance
        if self.groups is None:
            return kl_divergence(flat(means.values()), flat(variances.values()), self.config.prior)
        return self.groups.kl(means, variances, self.config.prior)

    def phases(self, supernet: Supernet) -> list[Phase]:
        c = self.config
        spread = [] if self._layers is None else self._layers.log_variances()
        special = {id(parameter) for parameter in spread}
        weights = [p for p in supernet.parameters() if id(p) not in special]
        groups_w = [
            {"params": weights, "lr": c.learning_rate},
            {"params": spread, "lr": c.log_variance_learning_rate},
        ]
        groups_w = [group for group in groups_w if group["params"]]
        means, variances = list(self.mean.values()), list(self.log_variance.values())
        if self.groups is not None:
            means += self.groups.mean.values()
            variances += [*self.groups.log_variance.values(), *self.groups.log_tau.values()]
        groups_z = [
            {"params": means, "lr": c.z_learning_rate},
            {"params": variances, "lr": c.z_log_variance_learning_rate},
        ]
        z = [*means, *variances]

        def phase(name: str, part: str, parameters: list[Any], groups: list[Any]) -> Phase:
            def objective(batches: Batches) -> Objective:
                return self.objective(supernet, batches[part])

            adam = torch.optim.Adam(groups)
            return Phase(name, part, parameters, [adam], objective, cosine(), c.gradient_clip)

        if not c.bilevel:
            return [phase("joint", "train", [*weights, *spread, *z], groups_w + groups_z)]
        return [
            phase("architecture", "architecture", z, groups_z),
            phase("weights", "weights", [*weights, *spread], groups_w),
        ]

    def end_epoch(self, epoch: int, supernet: Supernet, train: Split) -> dict[str, float]:
        """The number of operations alive, and lambda_z by the rule while the KL weight rises."""
        report = {"alive": float(sum(int(a.sum()) for a in self._alive().values()))}
        if self.config.lambda_z is None and self.progress < self.config.warm_up:
            self.eval()
            supernet.eval()
            positions = torch.arange(min(len(train), 512), device=train.device)
            worth = worth_of_an_edge(supernet, self.mixture(1), [train.select(positions)])
            self.lambda_z.fill_(self.config.price * worth / KL_OF_AN_OPERATION)
            report["worth_of_an_edge"] = worth
        report["lambda_z"] = float(self.lambda_z)
        return report

    # -- selection ------------------------------------------------------------------------------

    def _log_alpha(self) -> dict[str, Tensor]:
        return {
            key: self._all(log_alpha(mean.detach(), self.log_variance[key].detach()), float("inf"))
            for key, mean in self.mean.items()
        }

    def _all(self, values: Tensor, absent: float) -> Tensor:
        """[edges, candidates] -> [edges, operations], `absent` for `none`."""
        full = values.new_full((values.shape[0], len(self.task.space.operations)), absent)
        full[:, list(self.task.candidates)] = values
        return full

    def _alive(self) -> dict[str, Tensor]:
        return {key: rate < self.config.threshold for key, rate in self._log_alpha().items()}

    def _scores(self) -> dict[str, Tensor]:
        minus = float("-inf")
        if self.config.selection == "magnitude":
            return {key: self._all(mean.detach().abs(), minus) for key, mean in self.mean.items()}
        if self.config.selection == "probability":
            return {key: self._all(p, minus) for key, p in self._best().items()}
        return {key: -0.5 * rate for key, rate in self._log_alpha().items()}  # log SNR

    def _best(self) -> dict[str, Tensor]:
        """P(|z| is the largest of its edge) by Monte Carlo: [edges, candidates]."""
        best = {}
        for key, mean in self.mean.items():
            deviation = (0.5 * self.log_variance[key].detach()).exp()
            best[key] = probability_of_best(mean, deviation).to(mean.device, mean.dtype)
        return best

    def _select(self) -> tuple[Genotype, dict[str, Any]]:
        return select_alive(
            self.task,
            self._scores(),
            self._alive(),
            None if self.config.selection == "all_alive" else self.config.edges_per_node,
        )

    def current(self) -> Genotype:
        return self._select()[0]

    def select(self, supernet: Supernet, validation: Split) -> Selection:
        genotype, details = self._select()
        details["lambda_z"] = float(self.lambda_z)
        return Selection(genotype, self.config.selection, details)

    def posterior(self) -> list[dict[str, Any]]:
        values = {}
        best, rates, alive = self._best(), self._log_alpha(), self._alive()
        for key, mean in self.mean.items():
            values[key] = {
                "mean": self._all(mean.detach(), float("nan")),
                "std": self._all((0.5 * self.log_variance[key].detach()).exp(), float("nan")),
                "log_alpha": rates[key],
                "snr": (-0.5 * rates[key]).exp(),
                "probability": self._all(best[key], 0.0),
                "alive": alive[key],
            }
        return table(self.current(), self.task.graph, self.task.space.operations, values)

    # -- evaluation -----------------------------------------------------------------------------

    def network_layers(self) -> Layers:
        if self.config.evaluation == "deterministic":
            return Layers()
        self._network_layers = self._variational(True)
        return self._network_layers

    def network_phases(
        self, network: DiscreteNetwork, config: EvaluationConfig, part: str, images: int
    ) -> list[Phase]:
        layers, c = self._network_layers, self.config
        if layers is None:
            return super().network_phases(network, config, part, images)
        spread = layers.log_variances()
        variational = {id(parameter) for parameter in (*spread, *layers.means())}
        others = [p for p in network.parameters() if id(p) not in variational]
        groups = [
            {"params": others, "weight_decay": config.weight_decay},
            {"params": layers.means(), "weight_decay": 0.0},  # the KL takes its place
        ]
        sgd = torch.optim.SGD(groups, config.learning_rate, config.momentum)
        adam = torch.optim.Adam(spread, c.log_variance_learning_rate)

        def penalty() -> dict[str, Tensor]:
            factor = min(1.0, self.progress / c.warm_up)
            return {"kl_w": factor * c.evaluation_beta / images * layers.kl()}

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
        """Batch statistics anew, with the means: those of training are of the noisy activations."""
        if self._network_layers is not None:
            reestimate_statistics(network, images)

    @property
    def thresholds(self) -> tuple[float, ...]:
        return () if self._network_layers is None else THRESHOLDS

    @property
    def threshold(self) -> float | None:
        return None if self._network_layers is None else self.config.threshold

    @torch.no_grad()
    def zero(self, network: DiscreteNetwork, threshold: float) -> None:
        """Weights with log_alpha >= threshold become zero."""
        assert self._network_layers is not None
        for layer in self._network_layers.made:
            layer.weight.masked_fill_(layer.dead(threshold), 0.0)
