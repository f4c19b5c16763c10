"""Which records may stand in one table: those that differ in what is compared and in nothing else.

On one data set: the same images, splits and augmentation, space, search budget and evaluation. Of
one method: the same options. A tuned record may have other evaluation options and options of its
method, not another budget.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from analysis.common.trials import sort_key
from bench.errors import ResultsError
from bench.records.differences import section_differences
from bench.records.facts import StudyFacts
from bench.records.schema import FinishedRecord

BUDGET = ("epochs", "cells", "channels", "parameters", "train_on")
"""Options of an evaluation that tuning leaves alone."""

Files = Mapping[tuple[str, str], str]
"""The file that each record was read from, by the trial's (label, id)."""


def order(
    records: Sequence[FinishedRecord], facts: StudyFacts, files: Files | None = None
) -> list[FinishedRecord]:
    """Records by data set, label (both in the study's order), seed and evaluation.

    Duplicates are dropped. Raises ResultsError, naming the files, where two records of one trial
    say different things, one cell of the table has two trials, or records do not compare.
    """

    def key(record: FinishedRecord) -> tuple[Any, ...]:
        trial = record.trial
        return (
            *sort_key(trial.dataset, facts.datasets),
            *sort_key(trial.label, facts.labels),
            trial.seed,
            record.is_tuned,
            trial.id,
        )

    def locate(record: FinishedRecord) -> str:
        return (files or {}).get(record.trial.key) or f"{record.trial.stem}.json"

    unique: dict[tuple[str, str], FinishedRecord] = {}
    for record in records:
        if unique.setdefault(record.trial.key, record) != record:
            raise ResultsError(f"two different records of one trial: {locate(record)}")
    ordered = sorted(unique.values(), key=key)
    for before, after in pairwise(ordered):
        if key(before)[:-1] == key(after)[:-1]:
            trial = after.trial
            raise ResultsError(
                f"{trial.label} on {trial.dataset}, seed {trial.seed}, has two different "
                f"configurations: {locate(before)} and {locate(after)}; one is allowed"
            )
    references: dict[tuple[str, ...], tuple[FinishedRecord, Mapping[str, Any]]] = {}
    for record in ordered:
        for section, group, options in _list_requirements(record, facts):
            first, required = references.setdefault((section, *group), (record, options))
            for gap in section_differences(section, required, options):
                raise ResultsError(
                    f"records on {record.trial.dataset} do not compare: {gap.name} is "
                    f"{_shorten(gap.one)} in {locate(first)} and {_shorten(gap.other)} in "
                    f"{locate(record)}"
                )
    return ordered


def _list_requirements(
    record: FinishedRecord, facts: StudyFacts
) -> Iterator[tuple[str, tuple[str, ...], Mapping[str, Any]]]:
    """(section, group, options): what has to be the same in all records of the group.

    Variations may differ in more than their method: that is what they are for.
    """
    dataset, label = record.trial.dataset, record.trial.label
    configuration = {key: options or {} for key, options in record.configuration.items()}
    evaluation = configuration.get("evaluation", {})
    yield "data", (dataset, "images"), {"SHA-256": record.data.digest}
    yield "trial", (dataset, label), {"method": record.trial.method}
    if not record.is_tuned:
        own = configuration.get("method", {})
        given = () if record.source is None else ("genotype",)  # of each seed another one
        yield "method", (dataset, label), {k: v for k, v in own.items() if k not in given}
    if label in facts.variations:
        return
    for section in ("data", "space", "search"):
        yield section, (dataset,), configuration.get(section, {})
    yield "evaluation", (dataset, "budget"), {k: v for k, v in evaluation.items() if k in BUDGET}
    if not record.is_tuned:
        yield "evaluation", (dataset,), evaluation


def _shorten(value: Any) -> str:
    text = str(value)
    return text[:12] if len(text) == 64 else text
