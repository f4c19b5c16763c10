"""Regularised evolution (Real, Aggarwal, Huang, Le 2019, arXiv 1802.01548)."""

from __future__ import annotations

from collections import deque

from bench.options import Count, options
from methods.black_box.encoding import Choices
from methods.black_box.method import BlackBox, BlackBoxConfig


@options
class RegularisedEvolutionConfig(BlackBoxConfig):
    """Sizes as in NAS-Bench-201's own baseline (arXiv 2001.00326, its public code)."""

    population: Count = 10
    """Architectures alive, P (100 in the paper, for 20,000 trainings)."""
    sample: Count = 3
    """Drawn from them for a tournament, S (25 in the paper)."""


class RegularisedEvolution(BlackBox):
    """Regularised evolution (arXiv 1802.01548): tournaments in a population that ages.

        max over cells of the validation accuracy of one training

    P random architectures are trained. Then again and again, S of the population are drawn (with
    replacement, algorithm 1 of the paper), the best of them is mutated in the operation of one
    edge, the child is trained and joins, and the oldest, not the worst, leaves.
    """

    Config = RegularisedEvolutionConfig
    config: RegularisedEvolutionConfig

    def explore(self) -> None:
        population: deque[tuple[float, Choices]] = deque()
        while not self.budget.is_spent:
            grown = len(population) >= self.config.population
            if grown:
                drawn = [self.generator.choice(population) for _ in range(self.config.sample)]
                parent = max(drawn, key=lambda member: member[0])[1]
                child = self.encoding.mutate(parent, self.generator)
            else:
                child = self.encoding.draw(self.generator)
            accuracy = self.budget.train(child)
            if accuracy is None:
                continue
            population.append((accuracy, child))
            if grown:
                population.popleft()
