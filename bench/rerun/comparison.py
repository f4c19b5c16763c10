"""Whether a trial that was run again came out as its record says, number by number."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, NamedTuple

from bench.records.schema import FinishedRecord, plain
from bench.space.genotype import Genotype

TOLERANCE = 1e-5
"""Of two numbers that are close: absolute, and relative to numbers above 1."""

_STAGES = ("search", "selection", "genotype_digest", "evaluation")
_FIRST = ("epochs", "terms", "metrics")
"""What is compared before the rest of a stage or of an epoch, as the rest follows from it."""
_UNLIKE = ("seconds", "peak_memory_bytes", "reused")
"""What says how a trial was run and not what came out; and all names that end in _seconds."""

Path = tuple[str | int, ...]


class Verdict(Enum):
    """How much alike a record and its rerun are; the value says it in words."""

    IDENTICAL = "the same, to the last bit"
    CLOSE = f"the same within {TOLERANCE:g}"
    DIFFERENT = "DIFFERENT"


class Difference(NamedTuple):
    """A value that came out otherwise; `place` is "search, epoch 3: weights.cross_entropy"."""

    place: str
    was: Any
    now: Any

    def __str__(self) -> str:
        if self.now is None:
            return f"{self.place} was {_show(self.was)} and is not reported any more"
        return f"{self.place} was {_show(self.was)}, is {_show(self.now)}"

    @property
    def size(self) -> float | None:
        """The difference of two numbers, relative to numbers above 1; None of anything else."""
        if not (_is_number(self.was) and _is_number(self.now)):
            return None
        return abs(self.was - self.now) / max(1.0, abs(self.was), abs(self.now))

    @property
    def is_small(self) -> bool:
        """Whether both are numbers within the tolerance."""
        return self.size is not None and self.size <= TOLERANCE


@dataclass(frozen=True)
class Comparison:
    """What differs between a record and its rerun, in the order of the trial; of how many values.

    Compared is everything that the record says came out: genotypes exactly; loss terms, metrics,
    diagnostics and signals of every epoch; the selection; test and validation metrics and sizes.
    Not times and memory, and not what the rerun reports besides.
    """

    values: int
    differences: tuple[Difference, ...]

    @property
    def verdict(self) -> Verdict:
        """The most that can be said."""
        if not self.differences:
            return Verdict.IDENTICAL
        small = all(difference.is_small for difference in self.differences)
        return Verdict.CLOSE if small else Verdict.DIFFERENT


def compare(record: FinishedRecord, rerun: FinishedRecord) -> Comparison:
    """Compare what came out of a trial with its record."""
    now = dict(_walk(plain(rerun)))
    was = list(_walk(plain(record)))
    differences = [
        Difference(_name(path), value, now.get(path))
        for path, value in was
        if path not in now or now[path] != value
    ]
    return Comparison(len(was), tuple(differences))


def _walk(record: Mapping[str, Any]) -> Iterator[tuple[Path, Any]]:
    """Every value of the stages of a record, in the order in which they come about."""
    for stage in _STAGES:
        yield from _leaves((stage,), record.get(stage, {}))


def _leaves(path: Path, value: Any) -> Iterator[tuple[Path, Any]]:
    if path[-1] == "genotype" and value is not None:
        yield path, Genotype.from_json(value).digest
    elif isinstance(value, Mapping):
        for name in sorted(value, key=_rank):
            if name not in _UNLIKE and not name.endswith("_seconds"):
                yield from _leaves((*path, name), value[name])
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _leaves((*path, index), item)
    else:
        yield path, value


def _rank(name: str) -> tuple[int, str]:
    return (_FIRST.index(name) if name in _FIRST else len(_FIRST), name)


def _name(path: Path) -> str:
    stage, *rest = path
    if stage == "genotype_digest":
        return "genotype"
    if len(rest) > 2 and rest[0] == "epochs":
        stage, rest = f"{stage}, epoch {int(rest[1]) + 1}", rest[2:]
        rest = rest[1:] if rest[0] in _FIRST else rest
    return f"{stage}: {'.'.join(map(str, rest))}"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _show(value: Any) -> str:
    """Numbers with all their digits; texts as they are, where they are short."""
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
