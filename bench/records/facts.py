"""What tables and figures say of a study besides its records."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.claims.model import Claim
from bench.options import resolved
from bench.records import gate, population
from bench.records.population import Population
from bench.records.store import Standing
from bench.study.model import REGION, Study, Trial


@dataclass(frozen=True)
class StudyFacts:
    """A study as its tables know it.

    labels, datasets, seeds: in the study's order. base, variations: of its ablations, label ->
    what it changes (dotted key -> value). failed, missing: numbers of trials; None: not known, as
    `missing` is of a folder of records without its study file. gate: the gate's verdict in words
    (`bench.records.gate.describe_state`). worst_references: data set -> validation accuracy of its
    worst reference cell at any depth or width, where the gate was run under the study's setting.
    gate_passed: data set -> whether the gate passed on it, where it was run. plain_labels: those
    whose method has its default options. claims: the study's own. populations: the accuracies of
    all cells of the tables that were looked up. region: accuracies that differ by at most so many
    points are equivalent. looks: the numbers of seeds, the first of `seeds`, at which verdicts were
    sought (`bench run --until-decided`); none where the seeds were fixed.
    """

    name: str
    description: str = ""
    notes: str = ""
    labels: tuple[str, ...] = ()
    datasets: tuple[str, ...] = ()
    seeds: tuple[int, ...] = ()
    baseline: str | None = None
    base: str | None = None
    variations: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    failed: int | None = None
    missing: int | None = None
    gate: str | None = None
    worst_references: Mapping[str, float] = field(default_factory=dict)
    gate_passed: Mapping[str, bool] = field(default_factory=dict)
    plain_labels: tuple[str, ...] = ()
    claims: tuple[Claim, ...] = ()
    populations: tuple[Population, ...] = ()
    region: float = REGION
    looks: tuple[int, ...] = ()


def collect(study: Study, folder: Path, standing: Standing) -> StudyFacts:
    """The facts of a study whose results are in `folder`. Raises ResultsError."""
    return StudyFacts(
        name=study.name,
        description=study.description,
        notes=study.notes,
        labels=study.labels,
        datasets=study.datasets,
        seeds=study.seeds,
        baseline=study.baseline,
        base=study.base,
        variations=study.variations,
        failed=len(standing.failed),
        missing=len(standing.missing),
        gate=gate.describe_state(study.gate, folder),
        worst_references=gate.worst_references(study.gate, folder),
        gate_passed=gate.passed_datasets(study.gate, folder),
        plain_labels=_find_plain(study.trials),
        claims=study.claims,
        populations=population.read(folder),
        region=study.region,
        looks=study.looks,
    )


def _find_plain(trials: Sequence[Trial]) -> tuple[str, ...]:
    """Labels of trials whose method has its default options, in search and evaluation."""
    from bench import plugins

    defaults: dict[str, Any] = {}
    for name in dict.fromkeys(trial.method for trial in trials):
        config: Any = plugins.load_method(name).Config
        defaults[name] = json.loads(json.dumps(resolved(config())))
    plain = [t for t in trials if t.options == defaults[t.method] and not t.evaluation_options]
    return tuple(dict.fromkeys(trial.label for trial in plain))
