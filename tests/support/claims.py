"""Records whose searches learned, for tests of what is claimed of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bench.records.schema import FinishedRecord
from support import synthetic

LEARNED = {
    "search.learned": {
        "supernet_accuracy": 0.6, "discretised_accuracy": 0.5, "chance": 0.1, "images": 1000,
    }
}  # fmt: skip
GOOD = [0.90, 0.905, 0.91, 0.895, 0.9, 0.905]
"""Accuracies (fractions) of six seeds."""


def trials(
    label: str, accuracies: Sequence[float], changes: Mapping[str, Any] | None = None
) -> list[FinishedRecord]:
    """Records of one method, a seed for each accuracy (fraction), whose searches learned."""
    return synthetic.with_accuracies(label, accuracies, changes=LEARNED | dict(changes or {}))


def shifted(by: float, spread: float = 1.0, seeds: int = 6) -> list[float]:
    """Accuracies like `GOOD`, higher by so much."""
    return [0.9 + by + spread * (one - 0.9) for one in (GOOD * 4)[:seeds]]
