"""A genotype's operations: how many, how uneven, called collapsed when, and where they differ."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bench.records.schema import FinishedRecord
from bench.space import registry
from bench.space.genotype import PARAMETER_FREE as PARAMETER_FREE
from bench.space.genotype import Genotype

BOTH = "both"
"""The key under which all cells of a genotype are counted together."""

SKIP = "skip_connect"
EMPTY = "none"
"""What an edge on which nothing was selected is called."""

Edge = tuple[str, int, int]
"""(cell key, source state, target state)."""
Choices = dict[Edge, str]
"""What was selected on each edge."""

_NAN = float("nan")


@dataclass(frozen=True)
class CollapseThresholds:
    """From which shares of the selected edges an architecture, or a cell, is called collapsed."""

    type: float = 0.75
    """Of one operation type, whichever it is."""
    free: float = 0.75
    """Of parameter-free operations together."""

    def are_met_by(self, count: Mapping[str, int]) -> bool:
        """Whether these selections by operation have collapsed; no selection at all has."""
        if not sum(count.values()):
            return True
        return most_frequent(count)[1] >= self.type or parameter_free_share(count) >= self.free

    def have_collapsed(self, genotype: Genotype) -> bool:
        """Whether an architecture has collapsed, all its cells together."""
        return self.are_met_by(count_operations(genotype)[BOTH])

    def name_end(self, genotype: Genotype) -> str:
        """What a collapsed architecture, all its cells together, has collapsed to."""
        name, share = most_frequent(count_operations(genotype)[BOTH])
        if not name:
            return "nothing"
        return name if share >= self.type else "parameter-free operations"

    def describe(self) -> str:
        """What collapsed means, in words that continue "architectures in which"."""
        if self.type == self.free:
            return (
                f"one operation type, or parameter-free ones together, hold {100 * self.type:.4g} %"
                " of the selected edges or more"
            )
        return (
            f"one operation type holds {100 * self.type:.4g} % of the selected edges or more, or "
            f"parameter-free ones together hold {100 * self.free:.4g} %"
        )


def count_operations(genotype: Genotype) -> dict[str, Counter[str]]:
    """How often each operation was selected, by cell key and, under `BOTH`, in all cells."""
    result = {key: Counter[str]() for key in (*genotype.cells, BOTH)}
    for key, _, operation, _ in genotype.pairs():
        result[key][operation] += 1
        result[BOTH][operation] += 1
    return result


def count_inputs(record: FinishedRecord) -> int:
    """How many inputs a cell of the record's space has."""
    return registry.config(record.configuration["space"]["name"])().graph.inputs


def list_choices(genotype: Genotype, inputs: int) -> Choices:
    """What was selected on every edge of every cell; several operations by name, with a +.

    inputs: how many inputs a cell has.
    """
    choices: Choices = {}
    for key, cell in genotype.cells.items():
        for node, pairs in enumerate(cell):
            for source in range(inputs + node):
                names = sorted(name for name, at in pairs if at == source and name != EMPTY)
                choices[key, source, inputs + node] = "+".join(names) or EMPTY
    return choices


def list_edges(choices: Iterable[Choices]) -> list[Edge]:
    """Every edge that one of the cells has."""
    return list(dict.fromkeys(edge for one in choices for edge in one))


def measure_distance(one: Choices, other: Choices) -> float:
    """The share of edges that differ; an edge that one cell lacks is empty there."""
    edges = list_edges([one, other])
    return sum(one.get(e, EMPTY) != other.get(e, EMPTY) for e in edges) / len(edges)


def list_selections(record: FinishedRecord) -> list[tuple[int, Genotype]]:
    """(epoch, what would have been selected after it), for the epochs that say so."""
    epochs = ((epoch.epoch, epoch.architecture) for epoch in record.search.epochs)
    return [(number, genotype) for number, genotype in epochs if genotype is not None]


def list_selectable(record: FinishedRecord) -> tuple[str, ...]:
    """The operations that a genotype of the record's space can name, and those that one does name.

    An empty edge is not named: there is no `none` among them.
    """
    genotypes = (record.architecture, *(genotype for _, genotype in list_selections(record)))
    named = {operation for genotype in genotypes for _, _, operation, _ in genotype.pairs()}
    candidates = registry.selectable(record.configuration["space"])
    kept = [name for name in candidates if name != EMPTY]
    return (*kept, *sorted(named.difference(kept)))


def order_operations(records: Iterable[FinishedRecord]) -> list[str]:
    """Every selectable operation: those with parameters first, else in the space's order."""
    seen: dict[str, None] = {}
    for record in records:
        seen.update(dict.fromkeys(list_selectable(record)))
    return sorted(seen, key=lambda name: name in PARAMETER_FREE)


def normalised_entropy(count: Mapping[str, int], choices: int) -> float:
    """Entropy of the operation types over its maximum log(choices): 0 is one type, 1 is all alike.

    `count`: selections by operation; `choices`: how many operations can be selected. NaN where
    nothing was selected; 0 where there is only one choice.
    """
    total = sum(count.values())
    if total == 0:
        return _NAN
    shares = [number / total for number in count.values() if number]
    if choices < 2 or len(shares) == 1:
        return 0.0
    return -sum(share * math.log(share) for share in shares) / math.log(choices)


def parameter_free_share(count: Mapping[str, int]) -> float:
    """Fraction of the selections that are parameter-free; NaN where nothing was selected."""
    total = sum(count.values())
    return sum(count[name] for name in count if name in PARAMETER_FREE) / total if total else _NAN


def most_frequent(count: Mapping[str, int]) -> tuple[str, float]:
    """The operation selected most often (first by name where several are) and its fraction."""
    total = sum(count.values())
    if not total:
        return "", _NAN
    name = min(count, key=lambda operation: (-count[operation], operation))
    return name, count[name] / total


def order_cell_keys(genotypes: Iterable[Genotype]) -> list[str]:
    """The cell keys of genotypes: those with a name first, then positions by number."""
    keys = {key for genotype in genotypes for key in genotype.cells}
    return sorted(keys, key=lambda key: (key.isdigit(), int(key) if key.isdigit() else 0, key))


def name_cell(key: str) -> str:
    """What figures call a cell key."""
    known = {"normal": "normal cell", "reduce": "reduction cell", BOTH: "all cells"}
    return known.get(key, f"cell {key}")
