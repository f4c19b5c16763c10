"""Architectures as one operation per edge, which is what the black-box baselines vary."""

from __future__ import annotations

import random
from collections.abc import Iterator

from bench.method import Task
from bench.space.genotype import Genotype

Choices = tuple[str, ...]
"""An operation for every place, in the order of `Encoding.places`; `none` is an empty edge."""


class Encoding:
    """Every cell type has one operation on each edge.

    places: (cell type, index of the edge). operations: what an edge may have, `none` among them
    where the space has it and it is asked for.
    """

    def __init__(self, task: Task, none: bool) -> None:
        self.space, self.graph = task.space.name, task.graph
        names = task.space.operations
        self.operations = tuple(name for name in names if none or name != "none")
        edges = range(len(task.graph.edges))
        self.places = tuple((kind, edge) for kind in task.kinds for edge in edges)

    def draw(self, generator: random.Random) -> Choices:
        """Uniform over all architectures."""
        return tuple(generator.choice(self.operations) for _ in self.places)

    def mutate(self, choices: Choices, generator: random.Random) -> Choices:
        """A uniformly drawn neighbour."""
        place = generator.randrange(len(choices))
        return _replace(choices, place, generator.choice(self._others(choices[place])))

    def iter_neighbours(self, choices: Choices) -> Iterator[Choices]:
        """All architectures that differ in the operation of one edge."""
        for place, now in enumerate(choices):
            for operation in self._others(now):
                yield _replace(choices, place, operation)

    def decode(self, choices: Choices) -> Genotype:
        """The genotype of the choices."""
        cells: dict[str, list[list[tuple[str, int]]]] = {}
        for (kind, edge), operation in zip(self.places, choices, strict=True):
            cell = cells.setdefault(kind, [[] for _ in range(self.graph.nodes)])
            source, node = self.graph.edges[edge]
            if operation != "none":
                cell[node].append((operation, source))
        return Genotype(self.space, {kind: tuple(map(tuple, cell)) for kind, cell in cells.items()})

    def _others(self, operation: str) -> list[str]:
        return [name for name in self.operations if name != operation]


def _replace(choices: Choices, place: int, operation: str) -> Choices:
    return (*choices[:place], operation, *choices[place + 1 :])
