"""What NAS-Bench-201's numbers are, whoever provides them (Dong and Yang 2020, section 2.2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bench.tabular.config import TabularConfig
from bench.tabular.table import Source


@dataclass(frozen=True)
class Facts:
    """classes and size (pixels a side) of a data set; images of its validation and test splits."""

    classes: int
    size: int
    images: Mapping[str, int]


FACTS = {
    "cifar10": Facts(10, 32, {"validation": 25_000, "test": 10_000}),
    "cifar100": Facts(100, 32, {"validation": 5_000, "test": 5_000}),
    "ImageNet16-120": Facts(120, 16, {"validation": 3_000, "test": 3_000}),
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
    )


def fraction(percent: float, dataset: str, split: str) -> float:
    """A percentage as a fraction: images counted, where it is a count but for rounding errors.

    The files were written in single precision; without this, cells that are equally good would
    have different ranks.
    """
    images = FACTS[dataset].images[split]
    count = percent / 100 * images
    return round(count) / images if abs(count - round(count)) < 0.01 else percent / 100
