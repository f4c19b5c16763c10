"""A made-up table of every NAS-Bench-201 cell, and black-box searches that ask it."""

from __future__ import annotations

import functools
import itertools
from typing import Any

from bench import plugins
from bench.data.config import DataConfig
from bench.options import from_plain
from bench.space.genotype import Genotype
from bench.space.nas_bench_201.config import NAS_BENCH_201_OPERATIONS, NasBench201Config
from bench.tabular.config import TabularConfig
from bench.tabular.facts import source
from bench.tabular.oracle import Ask, Training
from bench.tabular.table import Table
from bench.testing import planted
from bench.training.config import SearchConfig
from bench.training.search import SearchArguments, SearchOutcome, search

WORTH = dict(zip(NAS_BENCH_201_OPERATIONS, (0.0, 0.06, 0.08, 0.1, 0.03), strict=True))
BEST = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|" + (
    "+|nor_conv_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|"
)


def text(operations: tuple[str, ...]) -> str:
    """The genotype text of six operations, by target and then by source."""
    a, b, c, d, e, f = operations
    return f"|{a}~0|+|{b}~0|{c}~1|+|{d}~0|{e}~1|{f}~2|"


@functools.cache
def table() -> Table:
    """Accuracies are sums of what the operations are worth; two trainings differ by a hundredth."""
    values = {}
    for operations in itertools.product(NAS_BENCH_201_OPERATIONS, repeat=6):
        accuracy = 0.3 + sum(WORTH[name] for name in operations)
        values[text(operations)] = (accuracy, accuracy + 0.01)
    seconds = dict.fromkeys(values, (100.0, 100.0))
    return Table(source("made-up", "cifar10", TabularConfig(), values), values, seconds)


def exact(genotype: Genotype) -> Training:
    """The table's answer without noise."""
    return Training(table().accuracies[genotype.to_nas_bench_201_text()][0], 100.0)


def run(method: str, ask: Ask, seed: int = 0, **options: Any) -> SearchOutcome:
    """A search that asks `ask`."""
    kind = plugins.load_method(method)
    arguments = SearchArguments(
        method=kind,
        options=from_plain(kind.Config, options),
        space=NasBench201Config(cells=1, channels=2, reduction="thin"),
        budget=SearchConfig(epochs=1, batch_size=16),
        data=planted.data(0, train=32, held_out=16).search,
        augmentation=DataConfig(),
        seed=seed,
        oracle=ask,
    )
    return search(arguments)


class Listening:
    """Remembers what it was asked, in order."""

    def __init__(self, ask: Ask) -> None:
        self.asked: list[str] = []
        self._ask = ask

    def __call__(self, genotype: Genotype) -> Training | None:
        self.asked.append(genotype.to_nas_bench_201_text())
        return self._ask(genotype)


def distance(one: str, other: str) -> int:
    """The number of edges on which two genotype texts differ."""
    pairs = zip(one.split("|"), other.split("|"), strict=True)
    return sum(a != b for a, b in pairs)
