"""PGNAS: posterior-guided neural architecture search.

Source: Zhou, Sun, Luo, Zha, Zeng 2020 (arXiv 1906.09557).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from bench.data.splits import Split
from bench.method import Batches, Method, Objective, Phase, Selection, Task, cosine
from bench.options import Count, Mark, NonNegative, Positive, Share, Whole, options
from bench.posterior import probability_of_best, table
from bench.space.constants import index
from bench.space.genotype import Genotype
from bench.space.mixture import CellMixture, Mixture
from bench.space.supernet import Supernet
from bench.training.config import EvaluationConfig
from methods.alive import select_alive
from methods.candidates import Candidate, accuracies, summary
from methods.price import worth_of_an_edge
from methods.short_training import train_briefly


@options
class PgnasConfig:
    """Defaults of the paper where it gives them, else of METHODS.md."""

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
    """L^2, inverse variance of the slab (paper: 0.1 to 2500)."""
    objective: Literal["equal", "paper"] = "equal"
    """Prior cost of an operation."""
    examples_factor: Positive = 10.0
    """N = this times the training images."""
    scale: Annotated[float | None, Field(ge=0)] = None
    """Weight of the regulariser; null: equal: methods/price.py; paper: 1/N."""
    price: NonNegative = 0.5
    """Share of an edge's worth that an operation costs."""
    learning_rate: Positive = 0.025
    """SGD with Nesterov momentum, cosine."""
    momentum: Share = 0.9
    drop_learning_rate: Positive = 3e-2
    """Adam, logits of the drop probabilities."""
    gradient_clip: Positive = 5.0
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
    retrained: Annotated[Whole, Mark.LATER] = 0
    """Candidates of each kind that are trained from scratch, too."""
    retrained_epochs: Annotated[int | None, Field(ge=1), Mark.LATER] = None
    """Of each of those trainings; null: as many as the search has."""


class Pgnas(Method):
    """PGNAS (arXiv 1906.09557): learned drop probabilities, candidates drawn from the posterior.

    Deviations and choices:
    - A group is (cell type, edge, operation); `operation` draws one eps a group [ours], `slice` one
      an input-channel slice of its kernels [paper].
    - Operations without weights cannot be chosen in the paper. Here every operation's output is
      normalised and its prior cost is the same: K = 1 and the mean square of the weights, averaged
      over groups [ours]. `objective: paper` is the plain one, whose norm taxes convolutions alone.
    - With `equal` the regulariser's weight follows the rule of `methods.price` [ours]; 1/N with
      N = 10 x the training images [paper] leaves one term per operation without any effect.
    - The full Bernoulli entropy is used; the paper writes its first half [ours].
    - `surrogate: pointwise` puts a 1x1 convolution behind each operation without weights [paper: a
      suggestion]; in the super-network alone, a retrained network has the plain operation [ours].
    - Drop probabilities have Adam; SGD hardly moves them at these scales [ours].
    - A candidate's batch statistics are estimated anew for it: they are its own, of each validation
      batch of `candidate_batch` images (no labels), for the super-network keeps none [ours].
    - The best candidate is projected to the space for the shared evaluation: its operations ranked
      by keep probability, the best of the best edges. Its inherited accuracy is reported too.
    - `retrained` trains the first candidates of either kind from scratch as they were drawn, for a
      short time and at the super-network's scale, to see how inherited accuracies rank them.
      Nothing is chosen by it; its time is `selection.retrained_seconds` in the record [ours].
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
        self.register_buffer("scale", torch.tensor(config.scale or 0.0))
        if config.scale is None and config.objective == "paper":
            self.scale.fill_(1 / (config.examples_factor * task.train_images))
        self._supernet: list[Supernet] = []  # in a list: it is not a submodule of the method

    @property
    def normalise_operations(self) -> bool:
        return self.config.normalise_operations

    @property
    def surrogates(self) -> bool:
        return self.config.surrogate == "pointwise"

    # -- the posterior --------------------------------------------------------------------------

    def drop(self) -> dict[str, Tensor]:
        """Cell type -> drop probabilities [edges, candidates]."""
        return {kind: logit.sigmoid() for kind, logit in self.logit.items()}

    def _columns(self, values: Tensor, absent: float = 0.0) -> Tensor:
        """[..., edges, candidates] -> [..., edges, operations], `absent` for `none`."""
        full = values.new_full((*values.shape[:-1], len(self.task.space.operations)), absent)
        return full.index_copy(-1, index(self.task.candidates, values.device), values)

    def relaxed(self, logit: Tensor) -> Tensor:
        """sigmoid((logit(keep) + logit(u)) / tau), u uniform: the Concrete relaxation of eps."""
        if not (self.training and self.config.noise):
            return torch.sigmoid(-logit)
        u = self.task.noise.uniform(logit)
        return torch.sigmoid((u.log() - (-u).log1p() - logit) / self.config.temperature)

    def mixture(self, batch: int) -> Mixture:
        leading = (batch,) if self.config.draw == "example" and self.training else ()
        if self.config.granularity == "operation":
            cells = {}
            for kind, logit in self.logit.items():
                eps = self.relaxed(logit.expand(*leading, *logit.shape))
                cells[kind] = CellMixture(self._columns(eps))
            return Mixture(cells)
        by_position = {}
        for position in self.task.positions:
            logit = self.logit[position.kind]
            masks = {}
            for column, (name, slices) in enumerate(self._slices(position.index).items()):
                wide = logit[:, column, None].expand(*leading, len(logit), slices)
                masks[name] = self.relaxed(wide)
            ones = self._columns(torch.ones_like(logit))
            by_position[str(position.index)] = CellMixture(ones, masks=masks)
        return Mixture(by_position)

    def _slices(self, position: int) -> dict[str, int]:
        return self._supernet[0].slices(position)

    # -- objective ------------------------------------------------------------------------------

    def penalty(self) -> dict[str, Tensor]:
        """scale * sum over groups of l^2 (1 - p) / 2 * cost + K (p log p + (1 - p) log(1 - p))."""
        total = torch.zeros((), device=self.scale.device)
        costs, counts = self._costs()
        for kind, p in self.drop().items():
            entropy = torch.xlogy(p, p) + torch.xlogy(1 - p, 1 - p)
            total = total + (self.config.l2 * (1 - p) / 2 * costs[kind]).sum()
            total = total + (counts[kind] * entropy).sum()
        return {"regulariser": self.scale * total}

    def _costs(self) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Per group [edges, candidates]: the cost of its norm and its number of slices K."""
        squares = {k: torch.zeros_like(p) for k, p in self.logit.items()}
        weights = {k: torch.zeros_like(p) for k, p in self.logit.items()}
        slices = {k: torch.zeros_like(p) for k, p in self.logit.items()}
        names = [self.task.space.operations[column] for column in self.task.candidates]
        for position in self.task.positions:
            square, number = self._supernet[0].squares(position.index)
            columns = index(self.task.candidates, number.device)
            squares[position.kind] = squares[position.kind] + square.index_select(1, columns)
            weights[position.kind] += number.index_select(1, columns)
            if self.config.objective == "paper":
                counts = self._slices(position.index)
                device = number.device
                slices[position.kind] += index((counts[name] for name in names), device)
        if self.config.objective == "paper":
            return squares, slices
        means = {k: squares[k] / weights[k].clamp_min(1) for k in squares}
        groups = torch.stack([(number > 0).sum() for number in weights.values()]).sum()
        average = torch.stack([mean.sum() for mean in means.values()]).sum() / groups.clamp_min(1)
        # the same value for all, and for each group with weights its own gradient on them
        shared = average.detach()
        return (
            {k: shared + means[k] - means[k].detach() for k in means},
            {k: torch.ones_like(p) for k, p in self.logit.items()},
        )

    def phases(self, supernet: Supernet) -> list[Phase]:
        self._supernet = [supernet]
        c = self.config
        weights, logits = list(supernet.parameters()), list(self.logit.values())
        sgd = torch.optim.SGD(weights, c.learning_rate, c.momentum, nesterov=c.momentum > 0)
        adam = torch.optim.Adam(logits, c.drop_learning_rate)

        def objective(batches: Batches) -> Objective:
            return self.objective(supernet, batches["train"])

        everything = [*weights, *logits]
        return [
            Phase("joint", "train", everything, [sgd, adam], objective, cosine(), c.gradient_clip)
        ]

    def end_epoch(self, epoch: int, supernet: Supernet, train: Split) -> dict[str, float]:
        """Operations alive (p < 1/2); the weight by the rule in the first half."""
        report = {"alive": float(sum(int((p < 0.5).sum()) for p in self.drop().values()))}
        if self.config.scale is None and self.config.objective == "equal" and self.progress < 0.5:
            self.eval()
            supernet.eval()
            positions = torch.arange(min(len(train), 512), device=train.device)
            worth = worth_of_an_edge(supernet, self.mixture(1), [train.select(positions)])
            costs = torch.cat([cost.detach().flatten() for cost in self._costs()[0].values()])
            price = self.config.l2 / 2 * float(costs.mean())
            self.scale.fill_(self.config.price * worth / max(price, 1e-12))
            report["worth_of_an_edge"] = worth
        report["scale"] = float(self.scale)
        return report

    # -- selection ------------------------------------------------------------------------------

    def _keep(self) -> dict[str, Tensor]:
        """Keep probabilities, [edges, operations]; 0 for `none`."""
        return {kind: self._columns(1 - p.detach()) for kind, p in self.drop().items()}

    def _draw(self, count: int, uniform: bool) -> list[Candidate]:
        """Hard draws from the posterior, or uniform ones of the same expected size."""
        keep = {kind: 1 - p.detach().cpu() for kind, p in self.drop().items()}
        if uniform:
            mean = torch.cat([k.flatten() for k in keep.values()]).mean()
            keep = {kind: mean.expand_as(k) for kind, k in keep.items()}
        return [self._candidate(keep) for _ in range(count)]

    def _candidate(self, keep: dict[str, Tensor]) -> Candidate:
        noise = self.task.noise
        if self.config.granularity == "operation":
            kept = {k: self._columns((noise.uniform(p) < p).float()) > 0 for k, p in keep.items()}
            return Candidate(kept, {})
        kept, masks = {}, {}
        for position in self.task.positions:
            p = keep[position.kind]
            drawn, there = {}, torch.zeros_like(p)
            for column, (name, slices) in enumerate(self._slices(position.index).items()):
                wide = p[:, column, None].expand(-1, slices)
                drawn[name] = (noise.uniform(wide) < wide).float()
                there[:, column] = drawn[name].amax(-1)
            key = str(position.index)
            kept[key], masks[key] = self._columns(there) > 0, drawn
        return Candidate(kept, masks)

    def _project(self, kept: dict[str, Tensor]) -> tuple[Genotype, dict[str, Any]]:
        alive, scores = {}, {}
        for kind, probability in self._keep().items():
            of_kind = [
                kept[key]
                for key in kept
                if key == kind or (key.isdigit() and self.task.positions[int(key)].kind == kind)
            ]
            there = torch.stack(of_kind).any(0).to(probability.device)
            alive[kind], scores[kind] = there, probability
        return select_alive(self.task, scores, alive, self.config.edges_per_node)

    def current(self) -> Genotype:
        return self._project({kind: keep > 0.5 for kind, keep in self._keep().items()})[0]

    def select(self, supernet: Supernet, validation: Split) -> Selection:
        c = self.config
        self._supernet = [supernet]
        guided, uniform = (self._draw(c.candidates, kind) for kind in (False, True))
        found, control = (
            accuracies(candidates, supernet, validation, c.candidate_batch)
            for candidates in (guided, uniform)
        )
        pool, scores = (guided, found) if c.guided else (uniform, control)
        best = pool[max(range(len(pool)), key=scores.__getitem__)]
        genotype, details = self._project(best.kept)
        details.update(
            guided=summary(found),
            uniform=summary(control),
            candidates_drawn=c.candidates,
            inherited_validation_accuracy=max(scores),
            native_operations=best.size,
            scale=float(self.scale),
        )
        details["alive"] = sum(int((keep > 0.5).sum()) for keep in self._keep().values())
        if c.retrained:
            details.update(self._retrain({"guided": guided, "uniform": uniform}, validation))
        inherited = best.mixture(self.task.space.operations, validation.device)
        rule = "guided" if c.guided else "uniform"
        return Selection(genotype, rule, details, inherited)

    def _retrain(self, drawn: dict[str, list[Candidate]], validation: Split) -> dict[str, Any]:
        """Accuracies after a training from scratch, of the first candidates of each kind."""
        c, task = self.config, self.task
        budget = EvaluationConfig(
            epochs=c.retrained_epochs or task.epochs,
            learning_rate=c.learning_rate,
            momentum=c.momentum,
            gradient_clip=c.gradient_clip,
        )
        rows: dict[str, list[float]] = {kind: [] for kind in drawn}
        seconds = 0.0
        for kind, candidates in drawn.items():
            for number, candidate in enumerate(candidates[: c.retrained]):
                genotype = candidate.genotype(task.space, task.graph)
                history, accuracy = train_briefly(genotype, task, budget, number, validation)
                rows[kind].append(round(accuracy, 6))
                seconds += history.seconds
        return {"retrained": rows, "retrained_seconds": seconds}

    def posterior(self) -> list[dict[str, Any]]:
        values = {}
        for kind, keep in self._keep().items():
            deviation = (keep * (1 - keep)).sqrt()
            excluded = torch.zeros_like(keep, dtype=torch.bool)
            if "none" in self.task.space.operations:
                excluded[:, self.task.space.operations.index("none")] = True
            mean = keep.masked_fill(excluded, float("nan"))
            values[kind] = {
                "mean": mean,
                "std": deviation.masked_fill(excluded, float("nan")),
                "drop_probability": 1 - mean,
                "snr": mean / deviation,
                "probability": probability_of_best(
                    keep.masked_fill(excluded, float("-inf")), deviation
                ),
                "alive": (keep > 0.5) & ~excluded,
            }
        return table(self.current(), self.task.graph, self.task.space.operations, values)
