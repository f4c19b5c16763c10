"""A table of true accuracies by genotype, and what it says of one of them."""

from __future__ import annotations

import dataclasses
from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from bench.errors import ConfigurationError
from bench.space.genotype import Genotype


@dataclass(frozen=True)
class Source:
    """What the numbers of a table are.

    dataset: on which data set the networks were trained; split: "validation" or "test"; images: of
    that split; classes, size: of the data set (pixels a side); epochs: of the training; seeds: how
    many trainings a cell (fewest, most); cells: of the table, which ranks and percentiles count;
    cells_of_space: of the whole space.
    """

    provider: str
    dataset: str
    split: str
    epochs: int
    images: int
    classes: int
    size: int
    seeds: tuple[int, int]
    cells: int
    cells_of_space: int

    @property
    def whole(self) -> bool:
        """Whether the table has every cell of the space."""
        return self.cells == self.cells_of_space

    def __str__(self) -> str:
        low, high = self.seeds
        seeds = f"{high}" if low == high else f"{low} to {high}"
        partial = (
            "" if self.whole else f", which has {self.cells:,} of {self.cells_of_space:,} cells"
        )
        return (
            f"{self.split} accuracy on {self.dataset} after {self.epochs} epochs, mean over"
            f" {seeds} seeds, from {self.provider}{partial}"
        )


@dataclass(frozen=True)
class Truth:
    """What a table says of a cell. Accuracies and regret are fractions, percentiles percent.

    rank: 1 + the number of cells that are better; percentile: of all cells of the table, how many
    are worse (those that are as good count half); percentile_without_none: the same among the cells
    without `none`, which is what most methods can select.
    """

    accuracy: float
    deviation: float
    seeds: int
    rank: int
    regret: float
    percentile: float
    percentile_without_none: float

    def to_json(self) -> dict[str, float | int]:
        return dataclasses.asdict(self)


class Table:
    """Accuracies (fractions) by genotype text, one per training, and the trainings' seconds.

    `seconds` is empty where they are not known.
    """

    def __init__(
        self,
        source: Source,
        accuracies: Mapping[str, tuple[float, ...]],
        seconds: Mapping[str, tuple[float, ...]] | None = None,
    ) -> None:
        self.source, self.accuracies, self.seconds = source, accuracies, seconds or {}
        self.means = {text: round(sum(a) / len(a), 8) for text, a in accuracies.items()}

    @cached_property
    def _sorted(self) -> list[float]:
        return sorted(self.means.values())

    @cached_property
    def _without_none(self) -> list[float]:
        return sorted(mean for text, mean in self.means.items() if "none~" not in text)

    @property
    def best(self) -> float:
        """The highest mean accuracy."""
        return self._sorted[-1]

    def trainings(self, genotype: Genotype) -> list[float]:
        """The accuracies of a genotype's trainings; none of one that the table does not have."""
        try:
            text = genotype.to_nas_bench_201_text()
        except (
            ValueError
        ):  # not a cell of the benchmark's space, such as one with parallel operations
            return []
        return list(self.accuracies.get(text, ()))

    def look_up(self, genotype: Genotype) -> Truth:
        """Raises ConfigurationError for a genotype that the table does not have."""
        try:
            text = genotype.to_nas_bench_201_text()
        except ValueError as error:
            raise ConfigurationError(f"a genotype is in no table: {error}") from error
        if text not in self.accuracies:
            raise ConfigurationError(
                f"genotype {text} is not in the table of {self.source.provider} for"
                f" {self.source.dataset} ({len(self.accuracies):,} cells)"
            )
        values, mean = self.accuracies[text], self.means[text]
        spread = sum((value - mean) ** 2 for value in values) / max(1, len(values) - 1)
        return Truth(
            accuracy=mean,
            deviation=spread**0.5,
            seeds=len(values),
            rank=1 + len(self._sorted) - bisect_right(self._sorted, mean),
            regret=self.best - mean,
            percentile=_percentile(self._sorted, mean),
            percentile_without_none=_percentile(self._without_none, mean),
        )


def truths(tables: Mapping[str, Table], genotype: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Data set -> what its table says of a genotype in JSON form."""
    cell = Genotype.from_json(genotype)
    return {name: table.look_up(cell).to_json() for name, table in tables.items()}


def _percentile(ordered: list[float], value: float) -> float:
    worse, not_better = bisect_left(ordered, value), bisect_right(ordered, value)
    return 100 * (worse + not_better) / 2 / max(1, len(ordered))
