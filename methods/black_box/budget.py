"""How many architectures a black-box baseline has trained, and the best of them so far."""

from __future__ import annotations

from typing import Any

from bench.tabular.oracle import Ask
from methods.black_box.encoding import Choices, Encoding

MOST_IDLE = 500
"""Asked so often in a row for what is known already, a search has nothing new to ask and ends."""


class Budget:
    """Trains architectures by asking the table, and counts them.

    An architecture that was trained before is known: asking again costs nothing and brings nothing.
    One that the table does not have costs nothing either, and its accuracy is None. `trajectory`
    has a row per improvement of the best accuracy (fraction): its number of trained architectures,
    their seconds together (None where the table has none) and the genotype.
    """

    def __init__(self, ask: Ask, encoding: Encoding, limit: int) -> None:
        self.limit = limit
        self.trajectory: list[dict[str, Any]] = []
        self.trained = 0
        self.seconds: float | None = 0.0
        self._ask, self._encoding = ask, encoding
        self._known: dict[Choices, float | None] = {}
        self._idle = 0

    @property
    def is_spent(self) -> bool:
        """Whether the search has to end."""
        return self.trained >= self.limit or self._idle >= MOST_IDLE

    def train(self, choices: Choices) -> float | None:
        """Its validation accuracy. Raises RuntimeError where a new one is more than is paid for."""
        if choices in self._known:
            self._idle += 1
            return self._known[choices]
        if self.is_spent:
            raise RuntimeError(f"all {self.limit} architectures are trained")
        genotype = self._encoding.decode(choices)
        training = self._ask(genotype)
        if training is None:
            self._idle += 1
            self._known[choices] = None
            return None
        self._idle = 0
        self.trained += 1
        if self.seconds is not None:
            self.seconds = None if training.seconds is None else self.seconds + training.seconds
        if not self.trajectory or training.accuracy > self.trajectory[-1]["accuracy"]:
            row = {
                "architectures": self.trained,
                "accuracy": training.accuracy,
                "seconds": self.seconds,
                "genotype": genotype.to_json(),
            }
            self.trajectory.append(row)
        self._known[choices] = training.accuracy
        return training.accuracy
