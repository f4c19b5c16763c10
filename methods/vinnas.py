"""VINNAS: variational inference-based neural network architecture search.

Source: Ferianc, Fan and Rodrigues 2020 (arXiv 2007.06103), as far as its abstract and summaries
tell. methods/README.md has its departures and the measurement that decided each.
"""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor, nn

from bench.data.splits import Split
from bench.method import Batches, Objective, Phase, Selection, Task, cosine
from bench.options import Count, NonNegative, Positive, options
from bench.posterior import table
from bench.space.genotype import Genotype
from bench.space.layers import Layers
from bench.space.mixture import CellMixture, Mixture
from bench.space.supernet import Supernet
from methods.alive import select_alive
from methods.price import set_price
from methods.variational.evaluation import GaussianEvaluation, GaussianEvaluationConfig
from methods.variational.gaussian import gaussians, total_kl
from methods.variational.layers import VariationalLayers
from methods.variational.relevances import Relevances, Sharing

KL_OF_AN_OPERATION = 3.0
"""Nats: an operation's KL at the start (mu = 1/8, log s2 = -10)."""


@options
class VinnasConfig(GaussianEvaluationConfig):
    """Defaults of methods/README.md; those of the evaluation are inherited."""

    draw: Literal["example", "batch", "element"] = "example"
    """One z for what."""
    noise: bool = True
    """False: z and w are their means (a control)."""
    variational_weights: bool = True
    """Gaussian weights in the search too."""
    beta_w: NonNegative = 1.0
    """KL weight of the weights in the search; 0: their KL is left out."""
    lambda_z: NonNegative | None = None
    """Weight of the relevances' KL; null: the rule of methods/price.py."""
    price: NonNegative = 0.5
    """Share of an edge's worth that an operation's KL costs."""
    bilevel: bool = False
    """z on one half of the training images, w on the other."""
    sharing: Sharing = "cell_type"
    """Who shares a z; hierarchical: positions vary around their cell type."""
    learning_rate: Positive = 1e-3
    """Adam, means of the weights."""
    z_learning_rate: Positive = 3e-3
    """Adam, means of z."""
    z_log_variance_learning_rate: Positive = 3e-2
    """Adam, log variances of z."""
    gradient_clip: Positive = 5.0
    """Largest gradient norm."""
    selection: Literal["snr", "all_alive", "probability", "magnitude"] = "snr"
    """What ranks the operations of an edge; all_alive: keep every one that is alive."""
    normalise_operations: bool = True
    """Normalise identities' outputs too."""
    edges_per_node: Count = 2
    """Edges that selection keeps into a node."""


class Vinnas(GaussianEvaluation):
    """VINNAS (arXiv 2007.06103): Gaussian relevances of operations under an ARD prior.

        loss(t) = E_q(z,w)[ CE(f(x; z, w), y) ]
                  + c(t) ( lambda_z KL[q(z) || p(z)] + beta_w / N KL[q(w) || p(w)] )

    z, one for every cell type, edge and operation other than `none`, multiplies the operation's
    normalised output; q(z) and q(w) are mean-field Gaussians; c(t) rises from 0 to 1 over the
    warm-up; N is the number of training images. An operation is alive while log_alpha =
    log s2 - log mu^2 of its z stays below the threshold; of what is alive the best operation of
    the two best edges is kept for every node; `GaussianEvaluation` trains what is found.
    """

    Config = VinnasConfig
    config: VinnasConfig
    lambda_z: Tensor

    def __init__(self, config: VinnasConfig, task: Task) -> None:
        super().__init__(config, task)
        self.relevances = Relevances(task, config.sharing, config.initial_log_variance)
        self.register_buffer("lambda_z", torch.tensor(config.lambda_z or 0.0))

    def layers(self) -> Layers:
        c = self.config
        if not c.variational_weights:
            return Layers()
        estimator = c.estimator if c.noise else "mean"
        return VariationalLayers(self.task.noise, estimator, c.initial_log_variance)

    @property
    def normalise_operations(self) -> bool:
        return self.config.normalise_operations

    def mixture(self, batch: int) -> Mixture:
        """z drawn for every example (the exact local reparametrisation of a scalar), or batch.

        `element`: a node is Normal(sum mu o(x), sum s2 o(x)^2), drawn element by element.
        """
        noisy, draw = self.training and self.config.noise, self.config.draw
        cells = {}
        for key, q in self.relevances.items():
            z, variances = q.mean, None
            if noisy and draw == "element":
                variances = self.task.columns(q.deviation.square())
            elif noisy:
                z = q.sample(self.task.noise, (batch,) if draw == "example" else ())
            cells[key] = CellMixture(self.task.columns(z), variances)
        return Mixture(cells)

    def penalty(self) -> dict[str, Tensor]:
        c, weights = self.config, gaussians(self.supernet)
        terms = {"kl_z": self.warmth * self.lambda_z * self.relevances.kl(c.prior)}
        if weights and c.beta_w > 0:
            kl = total_kl(weights, c.prior)
            terms["kl_w"] = self.warmth * c.beta_w / self.task.train_images * kl
        return terms

    def phases(self, supernet: Supernet) -> list[Phase]:
        """w and z together on all training images; bilevel: in turn, each on its half."""
        c = self.config
        spread = [weight.log_variance for weight in gaussians(supernet)]
        special = {id(parameter) for parameter in spread}
        w = [
            (c.learning_rate, [p for p in supernet.parameters() if id(p) not in special]),
            (c.log_variance_learning_rate, spread),
        ]
        z = [
            (c.z_learning_rate, self.relevances.means()),
            (c.z_log_variance_learning_rate, self.relevances.scales()),
        ]
        if not c.bilevel:
            return [self._phase("joint", "train", w + z)]
        return [
            self._phase("architecture", "architecture", z),
            self._phase("weights", "weights", w),
        ]

    def _phase(self, name: str, part: str, rates: list[tuple[float, list[nn.Parameter]]]) -> Phase:
        groups = [{"params": parameters, "lr": rate} for rate, parameters in rates if parameters]
        parameters = [parameter for _, group in rates for parameter in group]

        def objective(batches: Batches) -> Objective:
            return self.objective(self.supernet, batches[part])

        adam, clip = torch.optim.Adam(groups), self.config.gradient_clip
        return Phase(name, part, parameters, [adam], objective, cosine(), clip)

    def end_epoch(self, epoch: int, supernet: Supernet, train: Split) -> dict[str, float]:
        """The number of operations alive; lambda_z by the price rule while the KL weight rises."""
        alive = self.relevances.alive(self.config.threshold).values()
        report = {"alive": float(sum(int(kept.sum()) for kept in alive))}
        if self.config.lambda_z is None and self.progress < self.config.warm_up:
            price = self.config.price
            report |= set_price(self.lambda_z, self, train, price, KL_OF_AN_OPERATION)
        return report | {"lambda_z": float(self.lambda_z)}

    # -- selection ------------------------------------------------------------------------------

    def scores(self) -> dict[str, Tensor]:
        """What ranks the operations of an edge: [edges, operations] by cell type or position."""
        by = {"magnitude": self.relevances.magnitude, "probability": self.relevances.probability}
        return by.get(self.config.selection, self.relevances.log_snr)()

    def _select(self) -> tuple[Genotype, dict[str, Any]]:
        c = self.config
        per_node = None if c.selection == "all_alive" else c.edges_per_node
        return select_alive(self.task, self.scores(), self.relevances.alive(c.threshold), per_node)

    def current(self) -> Genotype:
        return self._select()[0]

    def select(self, supernet: Supernet, validation: Split) -> Selection:
        genotype, details = self._select()
        details["lambda_z"] = float(self.lambda_z)
        return Selection(genotype, self.config.selection, details)

    def posterior(self) -> list[dict[str, Any]]:
        values = self.relevances.table(self.config.threshold)
        return table(self.current(), self.task.graph, self.task.space.operations, values)
