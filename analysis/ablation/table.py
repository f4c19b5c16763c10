"""The differences of a study's variations from its base."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd

from analysis.common import comparisons, sequential
from analysis.common.intervals import seed_means
from analysis.common.plots import Looks
from analysis.common.sequential import Schedule
from analysis.common.trials import (
    average_accuracy,
    group_by_method,
    list_accuracies,
    list_by_search,
)
from bench.records.facts import StudyFacts
from bench.records.schema import FinishedRecord

COLUMNS = (
    "dataset", "variation", "changes", "seeds", "test_accuracy_percent", *comparisons.COLUMNS,
    "nonzero_ratio", "search_seconds_ratio", "evaluation_seconds_ratio",
)  # fmt: skip

BySeed = dict[int, FinishedRecord]


def tabulate(records: Sequence[FinishedRecord], facts: StudyFacts) -> pd.DataFrame:
    """One row per (data set, variation), the base first; the columns are `COLUMNS`.

    Differences are the variation's test accuracies against the base's, in points, with p-values
    corrected by Holm over a data set's variations (`analysis.common.sequential.judge`): paired
    where the two evaluate the same searches, otherwise as independent samples. Ratios to the base
    are geometric means over the seeds that both have. What too few seeds do not allow to say is
    empty.
    """
    rows: list[dict[str, Any]] = []
    schedule = Schedule.read(records, facts)
    for dataset, by_label in _group(records).items():
        base = by_label.get(str(facts.base), {})
        own = {label: by_label.get(label, {}) for label in facts.variations}
        judgements = {}
        if base:
            samples = {label: list_by_search(one.values()) for label, one in own.items() if one}
            sample, absent = list_by_search(base.values()), len(own) - len(samples)
            judgements = sequential.judge(samples, sample, facts.region, schedule, absent)
        rows.append({"dataset": dataset, "variation": facts.base, "changes": ""} | _measure(base))
        for label, changes in facts.variations.items():
            words = ", ".join(f"{key} {_as_yaml(value)}" for key, value in changes.items())
            row = {"dataset": dataset, "variation": label, "changes": words}
            judgement = judgements.get(label)
            row |= _measure(own[label]) | _list_ratios(own[label], base)
            rows.append(row | (judgement.to_columns() if judgement else {}))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def list_differences(
    records: Sequence[FinishedRecord], facts: StudyFacts, looks: Looks
) -> dict[tuple[str, str], list[tuple[float, bool]]]:
    """(data set, variation) -> of each seed its difference, in points, and if its search failed.

    A seed's accuracy minus the base's of the same search where the two share it, else minus the
    base's mean.
    """
    differences: dict[tuple[str, str], list[tuple[float, bool]]] = {}
    for dataset, by_label in _group(records).items():
        base = by_label.get(str(facts.base), {}).values()
        same = {record.trial.search_id: average_accuracy(record) for record in base}
        for label in facts.variations if same else ():
            mean = sum(same.values()) / len(same)
            differences[dataset, label] = [
                (
                    average_accuracy(record) - same.get(record.trial.search_id, mean),
                    looks.has_failed(record),
                )
                for record in by_label.get(label, {}).values()
            ]
    return differences


def _group(records: Sequence[FinishedRecord]) -> dict[str, dict[str, BySeed]]:
    """Data set -> label -> seed -> record."""
    groups: dict[str, dict[str, BySeed]] = {}
    for (dataset, label), own in group_by_method(records).items():
        groups.setdefault(dataset, {})[label] = {record.trial.seed: record for record in own}
    return groups


def _measure(records: BySeed) -> dict[str, Any]:
    """The number of seeds and their mean accuracy in percent, empty without records."""
    accuracies = [list_accuracies(record) for record in records.values()]
    mean = float(seed_means(accuracies).mean()) if accuracies else None
    return {"seeds": len(records), "test_accuracy_percent": mean}


def _list_ratios(varied: BySeed, base: BySeed) -> dict[str, Any]:
    pairs = [(varied[seed], base[seed]) for seed in sorted(varied.keys() & base)]
    return {
        "nonzero_ratio": _mean_ratio(pairs, lambda one: one.evaluation.nonzero_parameters),
        "search_seconds_ratio": _mean_ratio(pairs, lambda one: one.search.total_seconds),
        "evaluation_seconds_ratio": _mean_ratio(pairs, lambda one: one.evaluation.total_seconds),
    }


def _mean_ratio(
    pairs: Sequence[tuple[FinishedRecord, FinishedRecord]],
    measure: Callable[[FinishedRecord], float],
) -> float | None:
    """The geometric mean of variation / base; None where one of them is 0."""
    values = [(float(measure(varied)), float(measure(base))) for varied, base in pairs]
    if not values or any(one <= 0 or other <= 0 for one, other in values):
        return None
    return math.exp(sum(math.log(one / other) for one, other in values) / len(values))


def _as_yaml(value: Any) -> str:
    """A value as a study file has it."""
    if isinstance(value, bool):
        return str(value).lower()
    return "null" if value is None else str(value)
