"""The control `random` draws uniformly from what DARTS's selection can reach."""

from __future__ import annotations

import dataclasses
from collections import Counter

from support.small_tasks import space, task

from bench.space.genotype import Cell
from methods.controls.random_choice import RandomChoice, RandomConfig

OPERATIONS = ("none", "skip_connect", "sep_conv_3x3")


def test_every_cell_is_equally_likely() -> None:
    """Chi-square over the whole set: 4 cells' first node, 3 source pairs x 4 for the second."""
    base = task(space(operations=OPERATIONS))
    counts: Counter[Cell] = Counter()
    draws = 4800
    for seed in range(draws // 2):
        drawn = RandomChoice(RandomConfig(), dataclasses.replace(base, seed=seed)).drawn
        counts.update(drawn.cells.values())
    possible = 2**2 * 3 * 2**2
    assert len(counts) == possible and sum(counts.values()) == draws
    expected = draws / possible
    statistic = sum((count - expected) ** 2 / expected for count in counts.values())
    freedom = possible - 1
    assert freedom - 4 * (2 * freedom) ** 0.5 < statistic < freedom + 4 * (2 * freedom) ** 0.5


def test_the_two_cell_types_are_independent() -> None:
    base = task(space(nodes=1, operations=OPERATIONS))
    pairs: Counter[tuple[Cell, Cell]] = Counter()
    draws = 1600
    for seed in range(draws):
        cells = RandomChoice(RandomConfig(), dataclasses.replace(base, seed=seed)).drawn.cells
        pairs[cells["normal"], cells["reduce"]] += 1
    assert len(pairs) == 16
    statistic = sum((count - draws / 16) ** 2 / (draws / 16) for count in pairs.values())
    assert statistic < 15 + 4 * 30**0.5


def test_none_is_never_drawn_and_sources_are_distinct() -> None:
    base = task(space(nodes=4, operations=OPERATIONS))
    for seed in range(50):
        for per_node in (1, 2, 3):
            config = RandomConfig(edges_per_node=per_node)
            drawn = RandomChoice(config, dataclasses.replace(base, seed=seed)).drawn
            for cell in drawn.cells.values():
                for node, pairs in enumerate(cell):
                    assert len(pairs) == min(per_node, 2 + node)
                    assert len({source for _, source in pairs}) == len(pairs)
                    assert all(name != "none" and source < 2 + node for name, source in pairs)


def test_the_seed_decides() -> None:
    base = task(space(nodes=4))

    def drawn(seed: int) -> object:
        return RandomChoice(RandomConfig(), dataclasses.replace(base, seed=seed)).drawn

    assert drawn(1) == drawn(1) != drawn(2)
