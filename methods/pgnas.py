"""PGNAS: posterior-guided neural architecture search (Zhou et al. 2020, arXiv 1906.09557).

methods/README.md has the departures and the measurement that decided each.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from bench.data.splits import Split
from bench.method import Batches, Method, Objective, Phase, Selection, Task, cosine
from bench.options import Count, Mark, NonNegative, Positive, Share, options
from bench.posterior import table
from bench.space.genotype import Genotype
from bench.space.mixture import Mixture
from bench.space.supernet import Supernet
from methods.alive import select_alive
from methods.guided.candidates import Candidate, kept_by_kind, rank
from methods.guided.granularity import GRANULARITIES
from methods.guided.groups import COSTS, bernoulli_columns, regulariser
from methods.price import set_price


@options
class PgnasConfig:
    """Defaults of the paper where it gives them, else of methods/README.md."""

    granularity: Literal["operation", "slice"] = "operation"
    """What one eps removes."""
    draw: Literal["example", "batch"] = "example"
    """One eps for what."""
    noise: bool = True
    """False: eps is its mean 1 - p (a control)."""
    temperature: Positive = 0.2
    """Of the Concrete relaxation."""
    initial_drop: Annotated[float, Field(gt=0, lt=1)] = 0.1
    """Drop probability at the start."""
    l2: NonNegative = 500.0
    """l^2, inverse variance of the slab (paper: 0.1 to 2500)."""
    objective: Literal["equal", "paper"] = "equal"
    """Prior cost of an operation: the same for all, or the paper's."""
    examples_factor: Positive = 10.0
    """N = this times the training images."""
    scale: NonNegative | None = None
    """Weight of the regulariser; null: equal: the rule of methods/price.py; paper: 1 / N."""
    price: NonNegative = 0.5
    """Share of an edge's worth that an operation costs."""
    learning_rate: Positive = 0.025
    """SGD with Nesterov momentum, cosine."""
    momentum: Share = 0.9
    """Of SGD."""
    drop_learning_rate: Positive = 3e-2
    """Adam, logits of the drop probabilities."""
    gradient_clip: Positive = 5.0
    """Largest gradient norm."""
    candidates: Count = 1500
    """C, architectures drawn from the posterior."""
    guided: bool = True
    """False: choose among the uniform candidates (a control)."""
    candidate_batch: Annotated[int, Field(ge=2)] = 250
    """Validation images of one forward pass."""
    normalise_operations: bool = True
    """Normalise identities' outputs too."""
    edges_per_node: Count = 2
    """Edges of the projection to the space."""
    surrogate: Annotated[Literal["none", "pointwise"], Mark.LATER] = "none"
    """What gives operations without weights some in the super-network."""


class Pgnas(Method):
    """PGNAS (arXiv 1906.09557): learned drop probabilities, candidates drawn from the posterior.

        loss = E_eps[ CE(f(x; m eps), y) ]
               + scale * sum over groups [ l^2 (1 - p) / 2 * cost + K ( p log p + (1-p) log(1-p) ) ]

    A group is one (cell type, edge, operation) with weights m; eps ~ Bernoulli(1 - p) removes it,
    relaxed to a Concrete variable in training. cost is the group's squared norm and K its number of
    eps (paper), or the mean square of the weights averaged over groups and 1 (equal). m and p are
    trained together on the training images. Then C candidates are drawn from the learned p, as many
    uniformly at the same expected size, and the one of the highest validation accuracy with
    inherited weights is projected to the space.
    """

    Config = PgnasConfig
    config: PgnasConfig
    scale: Tensor

    def __init__(self, config: PgnasConfig, task: Task) -> None:
        super().__init__(config, task)
        shape = (len(task.graph.edges), len(task.candidates))
        start = torch.tensor(config.initial_drop).logit().item()
        self.logit = nn.ParameterDict(
            {kind: nn.Parameter(torch.full(shape, start)) for kind in task.kinds}
        )
        self.masks, self.costs = GRANULARITIES[config.granularity](task), COSTS[config.objective]
        self.register_buffer("scale", torch.tensor(config.scale or 0.0))
        if config.scale is None and config.objective == "paper":
            self.scale.fill_(1 / (config.examples_factor * task.train_images))

    @property
    def normalise_operations(self) -> bool:
        return self.config.normalise_operations

    @property
    def surrogates(self) -> bool:
        return self.config.surrogate == "pointwise"

    def drop(self) -> dict[str, Tensor]:
        """Cell type -> drop probabilities p, [edges, candidates]."""
        return {kind: logit.sigmoid() for kind, logit in self.logit.items()}

    def relaxed(self, logit: Tensor) -> Tensor:
        """eps = sigmoid((logit(1 - p) + logit(u)) / tau), u uniform; without noise 1 - p."""
        if not (self.training and self.config.noise):
            return torch.sigmoid(-logit)
        u = self.task.noise.uniform(logit)
        return torch.sigmoid((u.log() - (-u).log1p() - logit) / self.config.temperature)

    def mixture(self, batch: int) -> Mixture:
        leading = (batch,) if self.config.draw == "example" and self.training else ()
        return self.masks.mixture(dict(self.logit.items()), self.relaxed, leading, self.supernet)

    def penalty(self) -> dict[str, Tensor]:
        costs, counts = self.costs(self.task, self.supernet)
        total = regulariser(self.drop(), self.config.l2, costs, counts)
        return {"regulariser": self.scale * total}

    def phases(self, supernet: Supernet) -> list[Phase]:
        """m by SGD and the logits of p by Adam, together on all training images."""
        c = self.config
        weights, logits = list(supernet.parameters()), list(self.logit.values())
        sgd = torch.optim.SGD(weights, c.learning_rate, c.momentum, nesterov=c.momentum > 0)
        adam = torch.optim.Adam(logits, c.drop_learning_rate)

        def objective(batches: Batches) -> Objective:
            return self.objective(supernet, batches["train"])

        both, clip = [*weights, *logits], c.gradient_clip
        return [Phase("joint", "train", both, [sgd, adam], objective, cosine(), clip)]

    def end_epoch(self, epoch: int, supernet: Supernet, train: Split) -> dict[str, float]:
        """Operations alive (p < 1/2); the weight by the price rule in the first half."""
        c = self.config
        report = {"alive": float(sum(int((p < 0.5).sum()) for p in self.drop().values()))}
        if c.scale is None and c.objective == "equal" and self.progress < 0.5:
            costs, _ = self.costs(self.task, supernet)
            mean = torch.cat([cost.detach().flatten() for cost in costs.values()]).mean()
            report |= set_price(self.scale, self, train, c.price, c.l2 / 2 * float(mean))
        return report | {"scale": float(self.scale)}

    def keep(self) -> dict[str, Tensor]:
        """Keep probabilities by cell type, [edges, operations]; 0 for `none`."""
        return {kind: self.task.columns(1 - p.detach()) for kind, p in self.drop().items()}

    def draw(self, count: int, uniform: bool) -> list[Candidate]:
        """Hard draws from the posterior, or uniform ones of the same expected size."""
        keep = {kind: 1 - p.detach().cpu() for kind, p in self.drop().items()}
        if uniform:
            mean = torch.cat([k.flatten() for k in keep.values()]).mean()
            keep = {kind: mean.expand_as(k) for kind, k in keep.items()}
        return [self.masks.candidate(keep, self.supernet) for _ in range(count)]

    def project(self, kept: dict[str, Tensor]) -> tuple[Genotype, dict[str, Any]]:
        """A cell of the space: what is kept, ranked by keep probability."""
        keep = self.keep()
        alive = {kind: kept_by_kind(kept, kind, self.task).to(p.device) for kind, p in keep.items()}
        return select_alive(self.task, keep, alive, self.config.edges_per_node)

    def current(self) -> Genotype:
        return self.project({kind: keep > 0.5 for kind, keep in self.keep().items()})[0]

    def select(self, supernet: Supernet, validation: Split) -> Selection:
        c, task = self.config, self.task
        drawn = {kind: self.draw(c.candidates, kind == "uniform") for kind in ("guided", "uniform")}
        ranked = rank(drawn, supernet, validation, c.candidate_batch)
        best = ranked.best(rule := "guided" if c.guided else "uniform")
        genotype, details = self.project(best.kept)
        alive = sum(int((keep > 0.5).sum()) for keep in self.keep().values())
        details |= {**ranked.details(rule), "scale": float(self.scale), "alive": alive}
        inherited = best.mixture(task.space.operations, validation.device)
        return Selection(genotype, rule, details, inherited, ranked.architectures(task))

    def posterior(self) -> list[dict[str, Any]]:
        values = {kind: bernoulli_columns(self.task, p) for kind, p in self.drop().items()}
        return table(self.current(), self.task.graph, self.task.space.operations, values)
