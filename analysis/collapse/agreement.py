"""Over seeds: does a method find the same architecture again?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any

import pandas as pd

from analysis.common.operations import (
    EMPTY,
    Choices,
    CollapseThresholds,
    count_inputs,
    list_choices,
    list_edges,
    measure_distance,
)
from analysis.common.trials import group_by_method
from bench.records.schema import FinishedRecord
from bench.space.genotype import Genotype

COLUMNS = (
    "method", "dataset", "seeds", "distinct_genotypes", "collapsed", "pairs", "mean_distance",
    "least_distance", "largest_distance", "edge_agreement", "random_agreement",
)  # fmt: skip
EDGE_COLUMNS = (
    "method", "dataset", "cell", "source", "target", "seeds", "agreement", "most_frequent",
    "most_frequent_share",
)  # fmt: skip


def tabulate(records: Sequence[FinishedRecord], thresholds: CollapseThresholds) -> pd.DataFrame:
    """One row per (data set, method); the columns are `COLUMNS`.

    The distance of two genotypes is the share of the cells' edges that differ in what was selected
    on them, nothing included; `edge_agreement` is 1 minus its mean over pairs of seeds.
    `random_agreement` is that of genotypes whose edges were shuffled independently within each
    cell, the agreement that how often a method selects each operation brings by itself.
    """
    rows: list[dict[str, Any]] = []
    for method, genotypes, choices in _by_method(records):
        distances = [measure_distance(one, other) for one, other in combinations(choices, 2)]
        mean = sum(distances) / len(distances) if distances else None
        rows.append(
            method
            | {
                "seeds": len(genotypes),
                "distinct_genotypes": len({genotype.digest for genotype in genotypes}),
                "collapsed": sum(map(thresholds.have_collapsed, genotypes)),
                "pairs": len(distances),
                "mean_distance": mean,
                "least_distance": min(distances, default=None),
                "largest_distance": max(distances, default=None),
                "edge_agreement": None if mean is None else 1 - mean,
                "random_agreement": _expect_agreement(choices),
            }
        )
    return pd.DataFrame(rows, columns=list(COLUMNS))


def tabulate_edges(records: Sequence[FinishedRecord]) -> pd.DataFrame:
    """One row per (data set, method, edge): the share of pairs of seeds that agree on it."""
    rows: list[dict[str, Any]] = []
    for method, _, choices in _by_method(records):
        seeds = len(choices)
        for edge in list_edges(choices):
            names = Counter(one.get(edge, EMPTY) for one in choices)
            name = min(names, key=lambda operation: (-names[operation], operation))
            same = sum(number * (number - 1) for number in names.values())
            rows.append(
                method
                | dict(zip(("cell", "source", "target"), edge, strict=True))
                | {
                    "seeds": seeds,
                    "agreement": same / (seeds * (seeds - 1)) if seeds > 1 else None,
                    "most_frequent": name,
                    "most_frequent_share": names[name] / seeds,
                }
            )
    return pd.DataFrame(rows, columns=list(EDGE_COLUMNS))


def _expect_agreement(choices: Sequence[Choices]) -> float | None:
    """Expected agreement of pairs whose edges are permuted at random within each cell."""
    if len(choices) < 2:
        return None
    edges = list_edges(choices)
    cells = Counter(key for key, _, _ in edges)
    counts = [Counter((e[0], one.get(e, EMPTY)) for e in edges) for one in choices]
    pairs = [
        sum(one[key, name] * other[key, name] / cells[key] for key, name in one) / len(edges)
        for one, other in combinations(counts, 2)
    ]
    return sum(pairs) / len(pairs)


def _by_method(
    records: Sequence[FinishedRecord],
) -> Iterator[tuple[dict[str, Any], list[Genotype], list[Choices]]]:
    """(method and data set, genotypes, their choices), one genotype for every search seed."""
    for (dataset, label), own in group_by_method(records).items():
        by_seed = sorted(own, key=lambda record: record.trial.seed)
        genotypes = [record.architecture for record in by_seed]
        choices = [list_choices(record.architecture, count_inputs(record)) for record in by_seed]
        yield {"method": label, "dataset": dataset}, genotypes, choices
