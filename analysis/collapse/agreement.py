"""Over seeds: does a method find the same architecture again?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import combinations
from typing import Any

import pandas as pd

from analysis.common.operations import Thresholds, collapsed
from analysis.common.trials import Record, StudyFacts, datasets_of, genotype, labels_of
from bench.space import registry
from bench.space.genotype import Genotype

Edge = tuple[str, int, int]
"""(cell key, source state, target state)."""
Choices = dict[Edge, str]

COLUMNS = (
    "method", "dataset", "seeds", "distinct_genotypes", "collapsed", "pairs", "mean_distance",
    "least_distance", "largest_distance", "edge_agreement", "random_agreement",
)  # fmt: skip
EDGE_COLUMNS = (
    "method", "dataset", "cell", "source", "target", "seeds", "agreement", "most_frequent",
    "most_frequent_share",
)  # fmt: skip
EMPTY = "none"
"""What an edge on which nothing was selected is called."""


def table(records: Sequence[Record], study: StudyFacts, thresholds: Thresholds) -> pd.DataFrame:
    """One row a (data set, method); the columns are `COLUMNS`.

    The distance of two genotypes is the share of the cells' edges that differ in what was selected
    on them, nothing included; `edge_agreement` is 1 minus its mean over pairs of seeds.
    `random_agreement` is that of genotypes whose edges were shuffled independently within each
    cell, the agreement that how often a method selects each operation brings by itself.
    """
    rows: list[dict[str, Any]] = []
    for label, dataset, found in _by_method(records, study):
        chosen = [choices(one, inputs) for one, inputs in found]
        distances = [distance(one, other) for one, other in combinations(chosen, 2)]
        mean = sum(distances) / len(distances) if distances else None
        rows.append(
            {
                "method": label,
                "dataset": dataset,
                "seeds": len(found),
                "distinct_genotypes": len({one.digest for one, _ in found}),
                "collapsed": sum(collapsed(one, thresholds) for one, _ in found),
                "pairs": len(distances),
                "mean_distance": mean,
                "least_distance": min(distances, default=None),
                "largest_distance": max(distances, default=None),
                "edge_agreement": None if mean is None else 1 - mean,
                "random_agreement": _shuffled(chosen),
            }
        )
    return pd.DataFrame(rows, columns=list(COLUMNS))


def by_edge(records: Sequence[Record], study: StudyFacts) -> pd.DataFrame:
    """One row a (data set, method, edge): the share of pairs of seeds that agree on it."""
    rows: list[dict[str, Any]] = []
    for label, dataset, found in _by_method(records, study):
        chosen = [choices(one, inputs) for one, inputs in found]
        for edge in _edges(chosen):
            names = Counter(one.get(edge, EMPTY) for one in chosen)
            name = min(names, key=lambda operation: (-names[operation], operation))
            seeds = len(chosen)
            same = sum(number * (number - 1) for number in names.values())
            rows.append(
                {
                    "method": label,
                    "dataset": dataset,
                    "cell": edge[0],
                    "source": edge[1],
                    "target": edge[2],
                    "seeds": seeds,
                    "agreement": same / (seeds * (seeds - 1)) if seeds > 1 else None,
                    "most_frequent": name,
                    "most_frequent_share": names[name] / seeds,
                }
            )
    return pd.DataFrame(rows, columns=list(EDGE_COLUMNS))


def choices(found: Genotype, inputs: int) -> Choices:
    """What was selected on every edge of every cell; several operations by name, with a +."""
    chosen: Choices = {}
    for key, cell in found.cells.items():
        for node, pairs in enumerate(cell):
            for source in range(inputs + node):
                names = sorted(name for name, at in pairs if at == source and name != EMPTY)
                chosen[key, source, inputs + node] = "+".join(names) or EMPTY
    return chosen


def distance(one: Choices, other: Choices) -> float:
    """The share of edges that differ; an edge that one cell lacks is empty there."""
    edges = _edges([one, other])
    return sum(one.get(e, EMPTY) != other.get(e, EMPTY) for e in edges) / len(edges)


def _edges(chosen: Sequence[Choices]) -> list[Edge]:
    return list(dict.fromkeys(edge for one in chosen for edge in one))


def _shuffled(chosen: Sequence[Choices]) -> float | None:
    """Expected agreement of pairs whose edges are permuted at random within each cell."""
    if len(chosen) < 2:
        return None
    edges = _edges(chosen)
    cells = Counter(key for key, _, _ in edges)
    counts = [Counter((e[0], one.get(e, EMPTY)) for e in edges) for one in chosen]
    pairs = [
        sum(one[key, name] * other[key, name] / cells[key] for key, name in one) / len(edges)
        for one, other in combinations(counts, 2)
    ]
    return sum(pairs) / len(pairs)


def _by_method(
    records: Sequence[Record], study: StudyFacts
) -> list[tuple[str, str, list[tuple[Genotype, int]]]]:
    """(method, data set, [(genotype, inputs of a cell)]), a genotype for every search seed."""
    groups = []
    for dataset in datasets_of(records, study):
        for label in labels_of(records, study):
            seeds: dict[int, tuple[Genotype, int]] = {}
            for record in records:
                trial = record["trial"]
                if (trial["label"], trial["dataset"]) == (label, dataset):
                    space = registry.config(record["configuration"]["space"]["name"])
                    found = genotype(record), space().graph.inputs
                    seeds.setdefault(trial["seed"], found)
            if seeds:
                groups.append((label, dataset, list(seeds.values())))
    return groups
