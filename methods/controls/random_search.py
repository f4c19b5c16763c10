"""The control `random-search`: the best of a few random architectures, each trained for a while."""

from __future__ import annotations

import random
from typing import Any, Literal

import torch

from bench.data.splits import Split
from bench.method import Method, Phase, Selection, Task
from bench.options import Count, NonNegative, Positive, Share, options
from bench.posterior import table
from bench.seeds import derive
from bench.space.genotype import Genotype
from bench.space.supernet import Supernet
from bench.training.config import EvaluationConfig
from bench.training.discrete import train_briefly
from methods.controls.random_choice import draw_genotype


@options
class RandomSearchConfig:
    """Candidates and the optimiser of their trainings (that of DARTS's weights)."""

    candidates: Count = 8
    """Trained for epochs / candidates each, at least one."""
    cost: Literal["images", "operations"] = "images"
    """What is equal to the other methods': images seen, or operations computed."""
    edges_per_node: Count = 2
    """Edges into a node, from distinct sources."""
    learning_rate: Positive = 0.025
    """SGD, cosine."""
    learning_rate_min: NonNegative = 0.001
    """Of the weights, at the end."""
    momentum: Share = 0.9
    """Of SGD."""
    weight_decay: NonNegative = 3e-4
    """L2 coefficient of the weights."""
    gradient_clip: Positive = 5.0
    """Largest norm of the weights' gradient."""


class RandomSearch(Method):
    """Control: random architectures, ranked by validation accuracy after a short training.

    The cost is the search's of the study: `search.epochs` passes over the training images (a
    bilevel epoch sees every training image once, too), shared out over the candidates, which are
    trained as discrete networks of the super-network's scale: each for
    max(1, epochs // candidates) epochs, and as many candidates as that pays for. A super-network
    computes all operations on all edges for an image, a candidate its own: with `cost: operations`
    the number of candidates grows by that ratio, and the control is the stronger for it.
    """

    Config = RandomSearchConfig
    config: RandomSearchConfig
    searches = False

    def __init__(self, config: RandomSearchConfig, task: Task) -> None:
        super().__init__(config, task)
        self.short_epochs = max(1, task.epochs // config.candidates)
        count = max(1, task.epochs // self.short_epochs)
        if config.cost == "operations":
            chosen = sum(
                task.graph.kept(node, config.edges_per_node) for node in range(task.graph.nodes)
            )
            count = count * len(task.graph.edges) * len(task.candidates) // chosen
        draw = random.Random(derive(task.seed, "random search"))
        self.drawn = [draw_genotype(draw, task, config.edges_per_node) for _ in range(count)]
        self.best = 0

    def phases(self, supernet: Supernet) -> list[Phase]:
        return []

    def current(self) -> Genotype:
        return self.drawn[self.best]

    def select(self, supernet: Supernet, validation: Split) -> Selection:
        c = self.config
        budget = EvaluationConfig(
            epochs=self.short_epochs,
            learning_rate=c.learning_rate,
            learning_rate_min=c.learning_rate_min,
            momentum=c.momentum,
            weight_decay=c.weight_decay,
            gradient_clip=c.gradient_clip,
        )
        histories = []
        accuracies: list[float] = []
        for number, genotype in enumerate(self.drawn):
            history, accuracy = train_briefly(genotype, self.task, budget, number)
            histories.append(history)
            accuracies.append(accuracy)
        self.best = accuracies.index(max(accuracies))
        details = {
            "candidates": len(self.drawn),
            "epochs_each": self.short_epochs,
            "accuracies": accuracies,
            "seconds": sum(history.seconds for history in histories),
            "steps": sum(history.steps for history in histories),
        }
        return Selection(self.current(), "best of random", details)

    def posterior(self) -> list[dict[str, Any]]:
        space = self.task.space
        uniform = torch.zeros(len(self.task.graph.edges), len(space.operations))
        uniform[:, list(self.task.candidates)] = 1 / len(self.task.candidates)
        values = {kind: {"probability": uniform} for kind in self.task.kinds}
        return table(self.current(), self.task.graph, space.operations, values)
