"""The control `random`: an architecture drawn uniformly from the space."""

from __future__ import annotations

import random
from typing import Annotated, Any

import torch

from bench.data.splits import Split
from bench.method import Method, Phase, Selection, Task
from bench.options import Count, Mark, options
from bench.posterior import table
from bench.space.genotype import Genotype
from bench.space.supernet import Supernet


@options
class RandomConfig:
    """What is drawn from: the set that DARTS's selection can reach."""

    edges_per_node: Count = 2
    """Edges into a node, from distinct sources."""
    none: Annotated[bool, Mark.LATER] = False
    """Draw `none`, an empty edge, too, where the space has it."""


def draw_genotype(
    draw: random.Random, task: Task, edges_per_node: int, none: bool = False
) -> Genotype:
    """Uniform over distinct sources of every node and over operations (`none`: if asked for)."""
    names = [task.space.operations[column] for column in task.candidates]
    if none and "none" in task.space.operations:
        names.append("none")
    cells = {}
    for kind in task.kinds:
        nodes = []
        for node in range(task.graph.nodes):
            sources = range(task.graph.inputs + node)
            chosen = draw.sample(sources, task.graph.kept(node, edges_per_node))
            pairs = [(draw.choice(names), source) for source in chosen]
            nodes.append(tuple(pair for pair in pairs if pair[0] != "none"))
        cells[kind] = tuple(nodes)
    return Genotype(task.space.name, cells)


class RandomChoice(Method):
    """Control: uniform sources and operations (by default without `none`), no search at all."""

    Config = RandomConfig
    config: RandomConfig
    searches = False

    def __init__(self, config: RandomConfig, task: Task) -> None:
        super().__init__(config, task)
        drawing = random.Random(task.seed)
        self.drawn = draw_genotype(drawing, task, config.edges_per_node, config.none)

    def phases(self, supernet: Supernet) -> list[Phase]:
        return []

    def current(self) -> Genotype:
        return self.drawn

    def select(self, supernet: Supernet, validation: Split) -> Selection:
        return Selection(self.drawn, "uniform")

    def posterior(self) -> list[dict[str, Any]]:
        space = self.task.space
        shape = (len(self.task.graph.edges), len(space.operations))
        uniform = torch.zeros(shape)
        count = len(self.task.candidates)
        count += self.config.none and "none" in space.operations
        uniform[:, list(self.task.candidates)] = 1 / count
        values = {kind: {"probability": uniform} for kind in self.task.kinds}
        return table(self.drawn, self.task.graph, space.operations, values)
