"""The accuracies of all cells of a tabular space, for comparing a method with random cells.

results/<study>/population.json has how often each accuracy occurs in the tables that the study's
evaluations look up, so that what is said of random cells is a function of the results folder alone.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from bench import files
from bench.errors import ConfigurationError, ResultsError
from bench.records.parts import Part, TableSource
from bench.records.schema import explain
from bench.tabular.config import TabularConfig
from bench.tabular.table import Table

SCHEMA: Literal[1] = 1
FILE = "population.json"
LEVELS = 10_000
"""Accuracies are whole numbers of 1 / LEVELS: hundredths of a percent."""


class Population(Part):
    """How often each accuracy occurs among the cells of a table.

    accuracies: (accuracy in hundredths of a percent, number of cells that have it, number of those
    that are without the operation none), by ascending accuracy.
    """

    provider: str
    dataset: str
    split: str
    epochs: int
    accuracies: list[tuple[int, int, int]]

    def is_of(self, source: TableSource) -> bool:
        """Whether a record's accuracies were looked up in this table."""
        return (self.provider, self.dataset, self.split, self.epochs) == (
            source.provider, source.dataset, source.split, source.epochs,
        )  # fmt: skip

    def count(self, without_none: bool = True) -> dict[int, int]:
        """Accuracy (hundredths of a percent) -> number of cells."""
        place = 2 if without_none else 1
        return {row[0]: row[place] for row in self.accuracies if row[place]}


class File(Part):
    """population.json; `digest` is the SHA-256 of the populations."""

    schema_: Literal[1] = Field(SCHEMA, alias="schema")
    kind: Literal["population"] = "population"
    digest: str
    populations: list[Population]


def describe(table: Table) -> Population:
    """The population of a table's cells."""
    every, without = Counter[int](), Counter[int]()
    for text, accuracy in table.means.items():
        level = round(accuracy * LEVELS)
        every[level] += 1
        without[level] += "none~" not in text
    return Population(
        provider=table.source.provider,
        dataset=table.source.dataset,
        split=table.source.split,
        epochs=table.source.epochs,
        accuracies=[(level, every[level], without[level]) for level in sorted(every)],
    )


def write(folder: Path, evaluations: Iterable[object]) -> None:
    """Write the file of a study's evaluations, where some are tabular and it lacks one.

    Without the tables (they are an extra of the installation) the file stays as it is. Raises
    ResultsError.
    """
    from bench.tabular.providers import tables

    configs = [c for c in dict.fromkeys(evaluations) if isinstance(c, TabularConfig)]
    known = {(p.provider, p.dataset, p.split, p.epochs) for p in read(folder)}
    if {(c.provider, c.dataset, c.split, c.epochs) for c in configs} <= known:
        return
    try:
        populations = [describe(tables(config)[config.dataset]) for config in configs]
    except ConfigurationError:
        return
    rows = [population.model_dump() for population in populations]
    values = {"schema": SCHEMA, "kind": "population", "digest": _digest(populations)}
    text = json.dumps(values | {"populations": rows}, separators=(",", ":"))
    files.write(folder / FILE, text + "\n")


def read(folder: Path) -> tuple[Population, ...]:
    """The populations in a results folder; none without the file. Raises ResultsError."""
    path = folder / FILE
    try:
        file = File.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return ()
    except (OSError, ValidationError) as error:
        raise ResultsError(f"{path} cannot be read: {explain(error)}") from error
    if file.digest != _digest(file.populations):
        raise ResultsError(f"{path} was changed: its digest is not that of its accuracies")
    return tuple(file.populations)


def _digest(populations: Sequence[Population]) -> str:
    rows = [population.model_dump() for population in populations]
    text = json.dumps(rows, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
