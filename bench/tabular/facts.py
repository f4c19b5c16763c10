"""What NAS-Bench-201's numbers are, whoever provides them (Dong and Yang 2020, section 2.2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bench.tabular.config import TabularConfig
from bench.tabular.table import Source

CELLS = 5**6
"""Of the space: five operations on six edges."""


@dataclass(frozen=True)
class Facts:
    """classes and size (pixels a side) of a data set; images of its validation and test splits.

    trained_on: by split, training images of the networks whose accuracy on it is known. On CIFAR-10
    validation accuracies are those of networks that were trained on half of the training images.
    """

    classes: int
    size: int
    images: Mapping[str, int]
    trained_on: Mapping[str, int]


FACTS = {
    "cifar10": Facts(
        classes=10,
        size=32,
        images={"validation": 25_000, "test": 10_000},
        trained_on={"validation": 25_000, "test": 50_000},
    ),
    "cifar100": Facts(
        classes=100,
        size=32,
        images={"validation": 5_000, "test": 5_000},
        trained_on={"validation": 50_000, "test": 50_000},
    ),
    "ImageNet16-120": Facts(
        classes=120,
        size=16,
        images={"validation": 3_000, "test": 3_000},
        trained_on={"validation": 151_700, "test": 151_700},
    ),
}


def source(
    provider: str, dataset: str, config: TabularConfig, values: Mapping[str, tuple[float, ...]]
) -> Source:
    """What a table's numbers are."""
    facts = FACTS[dataset]
    seeds = [len(accuracies) for accuracies in values.values()]
    return Source(
        provider=provider,
        dataset=dataset,
        split=config.split,
        epochs=config.epochs,
        images=facts.images[config.split],
        classes=facts.classes,
        size=facts.size,
        seeds=(min(seeds), max(seeds)),
        cells=len(seeds),
        cells_of_space=CELLS,
    )


def fraction(percent: float, dataset: str, split: str) -> float:
    """A percentage as a fraction: images counted, where it is a count but for rounding errors.

    The files were written in single precision; without this, cells that are equally good would
    have different ranks.
    """
    images = FACTS[dataset].images[split]
    count = percent / 100 * images
    return round(count) / images if abs(count - round(count)) < 0.01 else percent / 100
