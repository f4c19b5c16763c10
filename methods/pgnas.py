"""PGNAS: posterior-guided neural architecture search (Zhou et al. 2020, arXiv 1906.09557).

methods/README.md has the departures and the measurement that decided each.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

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
from methods.guided.groups import bernoulli_columns
from methods.guided.regulariser import Regulariser, RegulariserConfig
from methods.price import measure_worth

KINDS = ("guided", "uniform")
"""Of candidates: drawn from the posterior, and uniformly at the same expected size."""


@options
class PgnasConfig(RegulariserConfig):
    """Defaults of the paper where it gives them, else of methods/README.md."""

    granularity: Literal["operation", "slice", "single_path"] = "operation"
    """What one eps removes; single_path: one operation of every edge is drawn."""
    draw: Literal["example", "batch"] = "example"
    """One eps for what."""
    noise: bool = True
    """False: eps is its mean 1 - p (a control)."""
    temperature: Positive = 0.2
    """Of the Concrete relaxation."""
    initial_drop: Annotated[float, Field(gt=0, lt=1)] = 0.1
    """Drop probability at the start."""
    learning_rate: NonNegative = 0.025
    """SGD with Nesterov momentum, cosine; 0: the weights learn nothing."""
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
               + norm_scale * sum over groups l^2 (1 - p) / 2 * cost
               + entropy_scale * sum over groups K ( p log p + (1-p) log(1-p) )

    A group is one (cell type, edge, operation) with weights m; eps ~ Bernoulli(1 - p) removes it,
    relaxed to a Concrete variable in training. cost is the group's squared norm and K its number of
    eps (paper), or the mean square of the weights averaged over groups and 1 (equal). m and p are
    trained together on the training images. Then C candidates are drawn from the learned p, as many
    uniformly at the same expected size, and the one of the highest validation accuracy with
    inherited weights is projected to the space.
    """

    Config = PgnasConfig
    config: PgnasConfig
    stated_steps: ClassVar[int | None] = 600

    @classmethod
    def count_candidates(cls, config: PgnasConfig) -> dict[str, int]:
        return dict.fromkeys(KINDS, config.candidates)

    def __init__(self, config: PgnasConfig, task: Task) -> None:
        super().__init__(config, task)
        shape = (len(task.graph.edges), len(task.candidates))
        start = torch.tensor(config.initial_drop).logit().item()
        self.logit = nn.ParameterDict(
            {kind: nn.Parameter(torch.full(shape, start)) for kind in task.kinds}
        )
        self.masks = GRANULARITIES[config.granularity](task, config.temperature)
        self.regulariser = Regulariser(config, task)

    @property
    def normalise_operations(self) -> bool:
        return self.config.normalise_operations

    @property
    def surrogates(self) -> bool:
        return self.config.surrogate == "pointwise"

    def keep_probabilities(self) -> dict[str, Tensor]:
        """Cell type -> keep probabilities 1 - p, [edges, candidates]."""
        return {kind: self.masks.keep(logit) for kind, logit in self.logit.items()}

    def mixture(self, batch: int) -> Mixture:
        leading = (batch,) if self.config.draw == "example" and self.training else ()
        noisy = self.training and self.config.noise
        relax = self.masks.relax if noisy else self.masks.keep
        return self.masks.mixture(dict(self.logit.items()), relax, leading, self.supernet)

    def penalty(self) -> dict[str, Tensor]:
        entropies = {kind: self.masks.entropies(logit) for kind, logit in self.logit.items()}
        return self.regulariser.terms(self.keep_probabilities(), entropies, self.supernet)

    def phases(self, supernet: Supernet) -> list[Phase]:
        """m by SGD and the logits of p by Adam, together on all training images."""
        c = self.config
        weights, logits = list(supernet.parameters()), list(self.logit.values())
        sgd = torch.optim.SGD(weights, c.learning_rate, c.momentum, nesterov=c.momentum > 0)
        adam = torch.optim.Adam(logits, c.drop_learning_rate * self.rate_factor)

        def objective(batches: Batches) -> Objective:
            return self.objective(supernet, batches["train"])

        both, clip = [*weights, *logits], c.gradient_clip
        return [Phase("joint", "train", both, [sgd, adam], objective, cosine(), clip)]

    def end_epoch(self, epoch: int, supernet: Supernet, train: Split) -> dict[str, float]:
        """Operations alive (p < 1/2); both scales by the price rule in the first half."""
        report = {"alive": float(self._alive())}
        if self.config.objective == "equal" and self.progress < 0.5:
            report["worth_of_an_edge"] = worth = measure_worth(self, train)
            self.regulariser.set_prices(worth, supernet)
        return report | self.regulariser.scales

    def keep(self) -> dict[str, Tensor]:
        """Keep probabilities by cell type, [edges, operations]; 0 for `none`."""
        keep = self.keep_probabilities()
        return {kind: self.task.columns(values.detach()) for kind, values in keep.items()}

    def _alive(self) -> int:
        return sum(int((keep > 0.5).sum()) for keep in self.keep().values())

    def draw_candidates(self, count: int, uniform: bool) -> list[Candidate]:
        """Hard draws from the posterior, or uniform ones of the same expected size."""
        keep = {kind: values.detach().cpu() for kind, values in self.keep_probabilities().items()}
        if uniform:
            mean = torch.cat([values.flatten() for values in keep.values()]).mean()
            keep = {kind: mean.expand_as(values) for kind, values in keep.items()}
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
        drawn = {kind: self.draw_candidates(c.candidates, kind == "uniform") for kind in KINDS}
        ranked = rank(drawn, supernet, validation, c.candidate_batch)
        best = ranked.best(rule := "guided" if c.guided else "uniform")
        genotype, details = self.project(best.kept)
        details |= {**ranked.details(rule), **self.regulariser.scales, "alive": self._alive()}
        details["entropy"], details["maximum_entropy"] = self.entropy()
        inherited = best.mixture(task.space.operations, validation.device)
        return Selection(genotype, rule, details, inherited, ranked.architectures(task))

    def entropy(self) -> tuple[float, float]:
        """Of an eps (single_path: of an edge's choice), nats, and its maximum."""
        return self.masks.mean_entropy(dict(self.logit.items()))

    def posterior(self) -> list[dict[str, Any]]:
        keep = self.keep_probabilities()
        values = {kind: bernoulli_columns(self.task, k.detach()) for kind, k in keep.items()}
        return table(self.current(), self.task.graph, self.task.space.operations, values)
