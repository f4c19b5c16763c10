"""The section `architectures`: cells that another study has found, in place of a search.

    architectures: {from: fashion-mnist, rule: best on validation}

`from` names a folder of results, or a folder with records/. Each cell stands under the label of the
method that found it, as a trial of the method `fixed`; `bench.records.transfer` reads the records.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from bench.options import options
from bench.space.config import SpaceConfig
from bench.space.genotype import Genotype
from bench.study.model import Trial
from bench.study.sections import Evaluation
from bench.study.validation import Place, build
from bench.training.config import EvaluationConfig

KEY = "architectures"
BEST, ALL = "best on validation", "all"


@options
class ArchitecturesConfig:
    """Which cells of a finished study are evaluated. `from` says whose: a folder of results."""

    rule: Literal["best on validation", "all"] = "best on validation"
    """Of a method on a data set: the seed whose network is best on validation images, or all."""
    methods: tuple[str, ...] | None = None
    """Labels of that study; null: all."""
    datasets: tuple[str, ...] | None = None
    """Data sets of that study; null: all."""
    seeds: tuple[int, ...] | None = None
    """Seeds of that study's searches; null: all."""


@dataclass(frozen=True)
class FoundCell:
    """A cell that a trial has found.

    label: what it is called in the study that evaluates it; seed: of its search; source: what its
    records say of where it came from (`bench.records.parts.Source`).
    """

    label: str
    seed: int
    genotype: Genotype
    source: dict[str, Any]


FindCells = Callable[[str, ArchitecturesConfig, Place], Sequence[FoundCell]]
"""(what `from` names, which of its cells, the section) -> the cells. Raises ConfigurationError."""

Cells = Mapping[str, Mapping[int | None, FoundCell]]
"""Label -> seed of the trial -> cell; None: of every seed."""


def expand(
    data: Mapping[str, Any], file: Place, find: FindCells | None
) -> tuple[dict[str, Any], Cells]:
    """The study file with its cells among the methods, and the cells. Raises ConfigurationError.

    With the rule `all` the study's seeds are those of the searches.
    """
    if KEY not in data:
        return dict(data), {}
    at = file / KEY
    values = dict(at.mapping(data[KEY]))
    reference = values.pop("from", None)
    if not isinstance(reference, str) or not reference:
        rule = "must name a folder of results, or a folder with records"
        raise (at / "from").wrong(reference, rule)
    config = build(ArchitecturesConfig, values, at)
    for name in ("methods", "datasets", "seeds"):
        if getattr(config, name) == ():
            raise (at / name).wrong([], "must be a list with at least one, or left out for all")
    if config.rule == ALL and "seeds" in data:
        rule = "with the rule all cells keep the seeds of their searches: leave it out"
        raise (file / "seeds").wrong(data["seeds"], f"{rule}, or choose with {KEY}.seeds")
    if find is None:
        raise (at / "from").error("the folder of results is not known here")
    cells: dict[str, dict[int | None, FoundCell]] = {}
    for cell in find(reference, config, at):
        seed = cell.seed if config.rule == ALL else None
        cells.setdefault(cell.label, {})[seed] = cell
    methods = (file / "methods").mapping(data.get("methods"))
    for label in methods:
        if label in cells:
            raise (file / "methods" / label).error(f"{KEY}.from has a method of this label already")
    fixed = {
        label: {"method": "fixed", "genotype": next(iter(own.values())).genotype.to_text()}
        for label, own in cells.items()
    }
    expanded = {**data, "methods": {**fixed, **methods}}
    if config.rule == ALL:
        expanded["seeds"] = sorted({cell.seed for own in cells.values() for cell in own.values()})
    return expanded, cells


def check(cells: Cells, space: SpaceConfig, evaluations: Sequence[Evaluation], file: Place) -> None:
    """Raise ConfigurationError where a cell is none of this space, or has no place in a network."""
    for own in cells.values():
        for cell in own.values():
            try:
                space.check(cell.genotype)
                for evaluation in evaluations:
                    if isinstance(evaluation, EvaluationConfig):
                        for position in space.positions(evaluation.cells):
                            cell.genotype.key(position.index, position.kind)
            except ValueError as error:
                of = cell.source
                found = f"{of['label']} on {of['dataset']}, seed {of['seed']}, of {of['study']}"
                raise (file / KEY).error(f"the cell of {found}: {error}") from error


def place(trial: Trial, cells: Cells) -> Trial:
    """The trial with the cell of its label and seed, where its label is one of theirs."""
    own = cells.get(trial.label)
    if own is None:
        return trial
    cell = own[trial.seed] if trial.seed in own else own[None]
    genotype = {"genotype": cell.genotype.to_text()}
    return dataclasses.replace(trial, options=genotype, source=cell.source)
