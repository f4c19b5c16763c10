"""Local search (White, Nolen, Savani 2020, arXiv 2005.02960)."""

from __future__ import annotations

from methods.black_box.encoding import Choices
from methods.black_box.method import BlackBox


class LocalSearch(BlackBox):
    """Local search (arXiv 2005.02960): steps to the best neighbour, from random architectures.

        max over cells of the validation accuracy of one training

    From a random architecture all neighbours, which differ in the operation of one edge, are
    trained, and the best of them is next, as long as it is better (algorithm 1 of the paper). In a
    local optimum the search starts again from another random architecture.
    """

    def explore(self) -> None:
        while not self.budget.is_spent:
            self._climb(self.encoding.draw(self.generator))

    def _climb(self, here: Choices) -> None:
        reached = self.budget.train(here)
        while reached is not None and not self.budget.is_spent:
            best, neighbour = self._train_neighbours(here)
            if best <= reached:
                return
            reached, here = best, neighbour

    def _train_neighbours(self, here: Choices) -> tuple[float, Choices]:
        """The best neighbour, and its accuracy, of those that the budget and the table allow."""
        neighbours = list(self.encoding.iter_neighbours(here))
        self.generator.shuffle(neighbours)
        best, found = float("-inf"), here
        for neighbour in neighbours:
            if self.budget.is_spent:
                break
            accuracy = self.budget.train(neighbour)
            if accuracy is not None and accuracy > best:
                best, found = accuracy, neighbour
        return best, found
