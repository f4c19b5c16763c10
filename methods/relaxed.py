"""Methods that relax an edge's choice to a distribution over its operations, given by alpha.

What they share: alpha, the optimisers and the alternation of DARTS (arXiv 1806.09055), and its
selection. What differs is the mixture they draw, and here and there a schedule.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from bench.data.splits import Split
from bench.method import Batches, Method, Objective, Phase, Selection, Task, cosine
from bench.options import Count, NonNegative, Positive, Share, options
from bench.posterior import table
from bench.space.genotype import Genotype
from bench.space.selection import strongest_edges
from bench.space.supernet import Supernet


@options
class RelaxedConfig:
    """Defaults of DARTS (section 3 and appendix), which the methods' papers take over."""

    alpha_learning_rate: Positive = 3e-4
    """Adam, constant; multiplied by the search's rate factor."""
    alpha_weight_decay: NonNegative = 1e-3
    """L2 coefficient of alpha."""
    learning_rate: NonNegative = 0.025
    """SGD on the weights, cosine; 0: the weights learn nothing, as a control of the second gate."""
    learning_rate_min: NonNegative = 0.001
    """Of the weights, at the end."""
    momentum: Share = 0.9
    """Of SGD."""
    weight_decay: NonNegative = 3e-4
    """L2 coefficient of the weights."""
    gradient_clip: Positive = 5.0
    """Largest norm of the weights' gradient."""
    edges_per_node: Count = 2
    """Edges that selection keeps into a node."""


class Relaxed(Method):
    """One alpha a (cell type, edge, operation); subclasses say what a draw of the mixture is."""

    Config = RelaxedConfig
    config: RelaxedConfig
    stated_steps: ClassVar[int | None] = 50 * 390
    """DARTS's: 50 epochs of half of CIFAR-10's 50,000 training images in batches of 64."""

    def __init__(self, config: RelaxedConfig, task: Task) -> None:
        super().__init__(config, task)
        shape = (len(task.graph.edges), len(task.space.operations))
        self.alpha = nn.ParameterDict(
            {kind: nn.Parameter(1e-3 * torch.randn(shape)) for kind in task.kinds}
        )

    def optimisers(self, supernet: Supernet) -> tuple[torch.optim.SGD, torch.optim.Adam]:
        """SGD on the super-network's weights; Adam on the method's own parameters."""
        c = self.config
        weights, own = list(supernet.parameters()), list(self.parameters())
        sgd = torch.optim.SGD(weights, c.learning_rate, c.momentum, weight_decay=c.weight_decay)
        rate, decay = c.alpha_learning_rate * self.rate_factor, c.alpha_weight_decay
        return sgd, torch.optim.Adam(own, rate, (0.5, 0.999), weight_decay=decay)

    def phases(self, supernet: Supernet) -> list[Phase]:
        """In turn: alpha on one half of the training images, the weights on the other."""
        c = self.config
        sgd, adam = self.optimisers(supernet)

        def on(part: str) -> Any:
            def objective(batches: Batches) -> Objective:
                return self.objective(supernet, batches[part])

            return objective

        falling = cosine(c.learning_rate_min, c.learning_rate)
        weights, own = list(supernet.parameters()), list(self.parameters())
        return [
            Phase("architecture", "architecture", own, [adam], on("architecture")),
            Phase("weights", "weights", weights, [sgd], on("weights"), falling, c.gradient_clip),
        ]

    def distribution(self) -> dict[str, Tensor]:
        """Cell type -> [edges, operations], every edge's probabilities: by default softmax(alpha).

        `none` takes part where the space has it.
        """
        return {kind: alpha.detach().softmax(-1) for kind, alpha in self.alpha.items()}

    def entropy(self) -> tuple[float, float]:
        edges = torch.cat(list(self.distribution().values())).double()
        return float(torch.special.entr(edges).sum(-1).mean()), math.log(edges.shape[-1])

    def scores(self) -> dict[str, Tensor]:
        """Cell type -> [edges, operations], what selection ranks: by default softmax(alpha)."""
        return {kind: alpha.detach().softmax(-1) for kind, alpha in self.alpha.items()}

    def current(self) -> Genotype:
        space, graph = self.task.space, self.task.graph
        cells = {
            kind: strongest_edges(scores, graph, space.operations, self.config.edges_per_node)[0]
            for kind, scores in self.scores().items()
        }
        return Genotype(space.name, cells)

    def select(self, supernet: Supernet, validation: Split) -> Selection:
        return Selection(self.current(), "strongest")

    def columns(self) -> dict[str, dict[str, Tensor]]:
        """Cell type -> columns of the posterior table; here those of a point estimate."""
        candidates = list(self.task.candidates)
        values = {}
        for kind, scores in self.scores().items():
            best = scores[:, candidates].argmax(-1)
            chosen = torch.zeros_like(scores)
            chosen[range(len(best)), [candidates[i] for i in best.tolist()]] = 1.0
            values[kind] = {"mean": scores, "probability": chosen}
        return values

    def posterior(self) -> list[dict[str, Any]]:
        space = self.task.space
        return table(self.current(), self.task.graph, space.operations, self.columns())

    def choice_columns(self) -> dict[str, dict[str, Tensor]]:
        """The same for a categorical choice with probabilities softmax(alpha), given no `none`."""
        values = {}
        candidates = list(self.task.candidates)
        for kind, alpha in self.alpha.items():
            p = alpha.detach().softmax(-1)
            given = torch.zeros_like(p)
            given[:, candidates] = alpha.detach()[:, candidates].softmax(-1)
            values[kind] = {"mean": p, "std": (p * (1 - p)).sqrt(), "probability": given}
        return values


def share_largest(draws: Tensor, candidates: tuple[int, ...]) -> Tensor:
    """Share of draws in which an operation is the largest of its edge's candidates.

    draws: [samples, edges, operations]. Returns [edges, operations], 0 for what is no candidate.
    """
    columns = list(candidates)
    best = draws[..., columns].argmax(-1, keepdim=True)
    shares = draws.new_zeros(draws.shape[1:])
    shares[:, columns] = torch.zeros_like(draws[..., columns]).scatter_(-1, best, 1.0).mean(0)
    return shares


def fall_linearly(first: float, last: float, epoch: int, epochs: int) -> float:
    """From `first` in epoch 1 to `last` in the last epoch, by equal steps."""
    return first + (last - first) * _share(epoch, epochs)


def fall_geometrically(first: float, last: float, epoch: int, epochs: int) -> float:
    """From `first` in epoch 1 to `last` in the last epoch, by equal factors."""
    return float(first * (last / first) ** _share(epoch, epochs))


def _share(epoch: int, epochs: int) -> float:
    return (epoch - 1) / max(1, epochs - 1)
