"""DARTS: differentiable architecture search by continuous relaxation, orders 1 and 2.

Source: Liu, Simonyan, Yang 2019 (arXiv 1806.09055).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from bench.data.splits import Split
from bench.method import Batches, Method, Objective, Phase, Selection, Task, cosine
from bench.options import option
from bench.posterior import table
from bench.space.genotype import Genotype
from bench.space.mixture import CellMixture, Mixture
from bench.space.selection import strongest_edges
from bench.space.supernet import Supernet
from methods.unrolled import unrolled_gradient


@dataclass(frozen=True)
class DartsConfig:
    """Defaults of the paper (section 3 and appendix)."""

    order: Literal[1, 2] = option(1, help="2 differentiates through a virtual step of the weights")
    alpha_learning_rate: float = option(3e-4, gt=0, help="Adam, constant")
    alpha_weight_decay: float = option(1e-3, ge=0)
    learning_rate: float = option(0.025, gt=0, help="SGD on the weights, cosine")
    learning_rate_min: float = option(0.001, ge=0)
    momentum: float = option(0.9, ge=0, lt=1)
    weight_decay: float = option(3e-4, ge=0)
    gradient_clip: float = option(5.0, gt=0)
    edges_per_node: int = option(2, ge=1, help="edges that selection keeps into a node")


class Darts(Method):
    """DARTS (arXiv 1806.09055): softmax mixture, bilevel updates, strongest operations.

    Deviations and choices:
    - The training part without the held-out validation images is what is split 50/50 between
      weights and architecture [ours; the paper splits all training images].
    - Batch statistics are used wherever the super-network is evaluated [ours].
    """

    Config = DartsConfig
    config: DartsConfig

    def __init__(self, config: DartsConfig, task: Task) -> None:
        super().__init__(config, task)
        shape = (len(task.graph.edges), len(task.space.operations))
        self.alpha = nn.ParameterDict(
            {kind: nn.Parameter(1e-3 * torch.randn(shape)) for kind in task.kinds}
        )

    def mixture(self, batch: int) -> Mixture:
        return Mixture({k: CellMixture(a.softmax(-1)) for k, a in self.alpha.items()})

    def phases(self, supernet: Supernet) -> list[Phase]:
        c = self.config
        weights = list(supernet.parameters())
        alphas = list(self.alpha.parameters())
        sgd = torch.optim.SGD(weights, c.learning_rate, c.momentum, weight_decay=c.weight_decay)
        adam = torch.optim.Adam(
            alphas, c.alpha_learning_rate, (0.5, 0.999), weight_decay=c.alpha_weight_decay
        )

        def on_validation(batches: Batches) -> Objective:
            return self.objective(supernet, batches["architecture"])

        def on_training(batches: Batches) -> Objective:
            return self.objective(supernet, batches["weights"])

        def second_order(batches: Batches) -> Objective:
            return unrolled_gradient(
                alphas, weights, sgd, lambda: on_training(batches), lambda: on_validation(batches)
            )

        return [
            Phase(
                "architecture",
                "architecture",
                alphas,
                [adam],
                on_validation,
                backward=second_order if c.order == 2 else None,
            ),
            Phase(
                "weights",
                "weights",
                weights,
                [sgd],
                on_training,
                cosine(c.learning_rate_min / c.learning_rate),
                c.gradient_clip,
            ),
        ]

    def scores(self) -> dict[str, Tensor]:
        """Cell type -> [edges, operations], what selection ranks: the mixing weights."""
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

    def posterior(self) -> list[dict[str, Any]]:
        candidates = list(self.task.candidates)
        values = {}
        for kind, scores in self.scores().items():
            best = scores[:, candidates].argmax(-1)
            chosen = torch.zeros_like(scores)
            chosen[range(len(best)), [candidates[i] for i in best.tolist()]] = 1.0
            values[kind] = {"mean": scores, "probability": chosen}
        return table(self.current(), self.task.graph, self.task.space.operations, values)
