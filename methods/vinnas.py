"""VINNAS: variational inference-based neural network architecture search.

Source: Ferianc, Fan and Rodrigues 2020 (arXiv 2007.06103), as far as its abstract and summaries
tell. methods/README.md has its departures and the measurement that decided each.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from bench.data.splits import Split
from bench.method import Batches, Objective, Phase, Selection, Task, cosine
from bench.options import Count, NonNegative, Positive, options
from bench.posterior import table
from bench.space.genotype import Genotype
from bench.space.mixture import CellMixture, Mixture
from bench.space.supernet import Supernet
from methods.alive import EmptyEdges, remove_idle, select_alive
from methods.price import measure_worth, set_price
from methods.variational.gaussian import gaussians
from methods.variational.relevances import Relevances, Sharing
from methods.variational.search import KL_OF_AN_OPERATION, GaussianSearch, GaussianSearchConfig


@options
class VinnasConfig(GaussianSearchConfig):
    """Defaults of methods/README.md; those of Gaussian weights are inherited."""

    draw: Literal["example", "batch", "element"] = "example"
    """One z for what."""
    z_noise: bool = True
    """False: z is its mean (a control)."""
    kl_z: bool = True
    """False: without the relevances' KL (a control)."""
    lambda_z: NonNegative | None = None
    """Weight of the relevances' KL; null: the rule of methods/price.py."""
    price: NonNegative = 0.5
    """Share of an edge's worth that an operation's KL costs."""
    bilevel: bool = False
    """z on one half of the training images, w on the other."""
    sharing: Sharing = "cell_type"
    """Who shares a z; hierarchical: positions vary around their cell type."""
    learning_rate: NonNegative = 1e-3
    """Adam, means of the weights; 0: they learn nothing."""
    z_learning_rate: Positive = 3e-3
    """Adam, means of z."""
    z_log_variance_learning_rate: Positive = 3e-2
    """Adam, log variances of z."""
    gradient_clip: Positive = 5.0
    """Largest gradient norm."""
    selection: Literal["snr", "all_alive", "probability", "magnitude"] = "magnitude"
    """What ranks the operations of an edge; all_alive: keep every one that is alive."""
    empty_edges: EmptyEdges = "data"
    """Dead edges that stay empty: those that validation images do not miss; or all."""
    normalise_operations: bool = True
    """Normalise the outputs of skip connections and pooling too."""
    edges_per_node: Count = 2
    """Edges that selection keeps into a node."""


class Vinnas(GaussianSearch):
    """VINNAS (arXiv 2007.06103): Gaussian relevances of operations under an ARD prior.

        loss(t) = E_q(z,w)[ CE(f(x; z, w), y) ]
                  + c(t) ( lambda_z KL[q(z)||p(z)] + KL of the weights, as configured )

    z, one for every cell type, edge and operation other than `none`, multiplies the operation's
    normalised output; q(z) is a mean-field Gaussian; c(t) rises from 0 to 1 over the warm-up. By
    default the weights w are points without a KL (`GaussianSearch`). An operation is alive while
    log_alpha = log s2 - log mu^2 of its z is below the threshold. A node keeps the best operation
    of its two best edges (NAS-Bench-201: of all), dead ones last and only where validation images
    miss them; a node keeps one at least. `GaussianEvaluation` trains what is found.
    """

    Config = VinnasConfig
    config: VinnasConfig
    stated_steps: ClassVar[int | None] = 600
    lambda_z: Tensor

    def __init__(self, config: VinnasConfig, task: Task) -> None:
        super().__init__(config, task)
        self.relevances = Relevances(task, config.sharing, config.initial_log_variance)
        self.register_buffer("lambda_z", torch.tensor(config.lambda_z or 0.0))

    @property
    def normalise_operations(self) -> bool:
        return self.config.normalise_operations

    def mixture(self, batch: int) -> Mixture:
        """z drawn for every example (the exact local reparametrisation of a scalar), or batch.

        `element`: a node is Normal(sum mu o(x), sum s2 o(x)^2), drawn element by element.
        """
        noisy, draw = self.training and self.config.z_noise, self.config.draw
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
        terms = super().penalty()
        if self.config.kl_z:
            terms["kl_z"] = self.warmth * self.lambda_z * self.relevances.kl(self.config.prior)
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
            (c.z_learning_rate * self.rate_factor, self.relevances.means()),
            (c.z_log_variance_learning_rate * self.rate_factor, self.relevances.scales()),
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
        """The number of operations alive; weights by the price rule while the KLs' weight rises."""
        c, alive = self.config, self.relevances.alive(self.config.threshold).values()
        report = {"alive": float(sum(int(kept.sum()) for kept in alive))}
        if self.progress < c.warm_up:
            worth = measure_worth(self, train)
            report["worth_of_an_edge"] = worth
            self.set_weight_price(worth)
            if c.lambda_z is None:
                set_price(self.lambda_z, worth, c.price, KL_OF_AN_OPERATION)
        return report | {"lambda_z": float(self.lambda_z)}

    # -- selection ------------------------------------------------------------------------------

    def scores(self) -> dict[str, Tensor]:
        """What ranks the operations of an edge: [edges, operations] by cell type or position."""
        by = {"magnitude": self.relevances.magnitude, "probability": self.relevances.probability}
        return by.get(self.config.selection, self.relevances.log_snr)()

    def _select(self) -> tuple[Genotype, dict[str, Any]]:
        c = self.config
        per_node = None if c.selection == "all_alive" else c.edges_per_node
        alive, keep_dead = self.relevances.alive(c.threshold), c.empty_edges != "posterior"
        return select_alive(self.task, self.scores(), alive, per_node, keep_dead)

    def current(self) -> Genotype:
        """Without looking at data: dead edges are kept where data decide on them."""
        return self._select()[0]

    def select(self, supernet: Supernet, validation: Split) -> Selection:
        c = self.config
        genotype, details = self._select()
        if c.empty_edges == "data":
            alive = self.relevances.alive(c.threshold)
            genotype, removed = remove_idle(genotype, alive, self.scores(), supernet, validation)
            details["removed"] = removed
        details["lambda_z"] = float(self.lambda_z)
        return Selection(genotype, c.selection, details)

    def entropy(self) -> tuple[float, float]:
        """Of |mu| divided by their sum over an edge; at most ln(candidates)."""
        return self.relevances.entropy(), math.log(len(self.task.candidates))

    def posterior(self) -> list[dict[str, Any]]:
        values = self.relevances.table(self.config.threshold)
        return table(self.current(), self.task.graph, self.task.space.operations, values)
