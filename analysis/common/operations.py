"""Counting the operations of a genotype, and how uneven they are."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from analysis.common.trials import Record, StudyFacts, genotype, read
from bench.space import registry
from bench.space.genotype import Genotype

PARAMETER_FREE = frozenset({"none", "skip_connect", "max_pool_3x3", "avg_pool_3x3", "noise"})
"""By the field's custom. A skip_connect at stride 2, in a reduction cell, is a factorised reduction
and has parameters, but is counted with the others, as in the papers on collapse."""

BOTH = "both"
"""The key under which all cells of a genotype are counted together."""

SKIP = "skip_connect"


@dataclass(frozen=True)
class Thresholds:
    """From which shares of the selected edges an architecture, or a cell, is called collapsed."""

    type: float = 0.75
    """Of one operation type, whichever it is."""
    free: float = 0.75
    """Of parameter-free operations together."""

    def met(self, count: Mapping[str, int]) -> bool:
        """Whether these selections by operation have collapsed; where nothing is, they have."""
        if not sum(count.values()):
            return True
        return most_frequent(count)[1] >= self.type or parameter_free_share(count) >= self.free

    def text(self) -> str:
        """What collapsed means, for people: "architectures in which ..."."""
        if self.type == self.free:
            holds = f"hold {100 * self.type:.4g} % of the selected edges or more"
            return f"one operation type, or parameter-free ones, {holds}"
        return (
            f"one operation type holds {100 * self.type:.4g} % of the selected edges or more, or "
            f"parameter-free ones {100 * self.free:.4g} %"
        )


def thresholds_of(study: StudyFacts) -> Thresholds:
    """The thresholds that a study's tables are made with."""
    return Thresholds(**study.collapsed_at)


def collapsed(found: Genotype, thresholds: Thresholds) -> bool:
    """Whether an architecture has collapsed, all its cells together."""
    return thresholds.met(counts(found)[BOTH])


def counts(found: Genotype) -> dict[str, Counter[str]]:
    """How often each operation was selected, by cell key and, under `BOTH`, in all cells."""
    result = {key: Counter[str]() for key in (*found.cells, BOTH)}
    for key, _, operation, _ in found.pairs():
        result[key][operation] += 1
        result[BOTH][operation] += 1
    return result


def by_epoch(record: Record) -> list[tuple[int, Genotype]]:
    """(epoch, what would have been selected then), for the epochs that say so."""
    epochs = (record.get("search") or {}).get("epochs") or ()
    return [
        (int(epoch["epoch"]), read(epoch["genotype"], record))
        for epoch in epochs
        if epoch.get("genotype")
    ]


def selectable(record: Record) -> tuple[str, ...]:
    """The operations of the record's space that a genotype can name.

    `none` is what an empty edge means and is named by no DARTS genotype; it counts where one of
    the record's genotypes names it all the same.
    """
    genotypes = (genotype(record), *(found for _, found in by_epoch(record)))
    named = {operation for found in genotypes for _, _, operation, _ in found.pairs()}
    candidates = registry.selectable(record["configuration"]["space"])
    chosen = [name for name in candidates if name != "none" or name in named]
    return (*chosen, *sorted(named.difference(chosen)))


def normalised_entropy(count: Mapping[str, int], choices: int) -> float:
    """Entropy of the operation types over its maximum log(choices): 0 is one type, 1 is all alike.

    `count`: selections by operation; `choices`: how many operations can be selected. NaN where
    nothing was selected; 0 where there is only one choice.
    """
    total = sum(count.values())
    if total == 0:
        return float("nan")
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


def indices(count: Mapping[str, int], choices: int) -> dict[str, float | int | str]:
    """The columns that describe one cell's unevenness."""
    name, share = most_frequent(count)
    return {
        "selected": sum(count.values()),
        "skip_connects": count.get(SKIP, 0),
        "entropy": normalised_entropy(count, choices),
        "parameter_free_share": parameter_free_share(count),
        "most_frequent": name,
        "most_frequent_share": share,
    }


def in_order(records: Iterable[Record]) -> list[str]:
    """Every selectable operation: those with parameters first, else in the space's order."""
    seen: dict[str, None] = {}
    for record in records:
        seen.update(dict.fromkeys(selectable(record)))
    return sorted(seen, key=lambda name: name in PARAMETER_FREE)


def cell_keys(genotypes: Iterable[Genotype]) -> list[str]:
    """The cell keys of genotypes: those with a name first, then positions by number."""
    keys = {key for found in genotypes for key in found.cells}
    return sorted(keys, key=lambda key: (key.isdigit(), int(key) if key.isdigit() else 0, key))


_NAN = float("nan")
