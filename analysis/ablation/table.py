"""The differences of a study's variations from its base, paired by seed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pandas as pd

from analysis.common.statistics import compare_by_seed, correct_by_holm, summarise
from analysis.common.trials import group_by_method, list_accuracies
from bench.records.facts import StudyFacts
from bench.records.schema import FinishedRecord

COLUMNS = (
    "dataset", "variation", "changes", "seeds", "test_accuracy_percent",
    "difference_points", "difference_low_points", "difference_high_points",
    "effect_size", "better_share", "p_value", "p_value_holm",
    "nonzero_ratio", "search_seconds_ratio", "evaluation_seconds_ratio",
)  # fmt: skip

BySeed = dict[int, FinishedRecord]


def tabulate(records: Sequence[FinishedRecord], facts: StudyFacts) -> pd.DataFrame:
    """One row per (data set, variation), the base first; the columns are `COLUMNS`.

    Differences are the variation's test accuracy minus the base's at the same seed, in points,
    with the 95 % interval and p-value of the paired t test (Holm: over a data set's variations),
    Hedges' g and the share of seeds at which it is better. Ratios to the base are geometric means
    over the same seeds. What too few seeds do not allow to say is empty.
    """
    rows: list[dict[str, Any]] = []
    for dataset, by_label in _group(records).items():
        base = by_label.get(str(facts.base), {})
        block: list[dict[str, Any]] = [
            {"variation": facts.base, "changes": "", "seeds": len(base)}
            | {"test_accuracy_percent": _mean_accuracy(base)}
        ]
        for label, changes in facts.variations.items():
            words = ", ".join(f"{key} {_as_yaml(value)}" for key, value in changes.items())
            row = {"variation": label, "changes": words}
            block.append(row | _compare(by_label.get(label, {}), base))
        p_values = correct_by_holm([row.get("p_value") for row in block])
        for row, p_value in zip(block, p_values, strict=True):
            rows.append(row | {"dataset": dataset, "p_value_holm": p_value})
    return pd.DataFrame(rows, columns=list(COLUMNS))


def list_differences(
    records: Sequence[FinishedRecord], facts: StudyFacts
) -> dict[tuple[str, str], list[float]]:
    """(data set, variation) -> differences from the base in points, by seed that both have."""
    return {
        (dataset, label): [
            _mean(list_accuracies(varied)) - _mean(list_accuracies(base))
            for varied, base in _pair(by_label.get(label, {}), by_label.get(str(facts.base), {}))
        ]
        for dataset, by_label in _group(records).items()
        for label in facts.variations
    }


def _group(records: Sequence[FinishedRecord]) -> dict[str, dict[str, BySeed]]:
    """Data set -> label -> seed -> record, tuned ones left out."""
    groups: dict[str, dict[str, BySeed]] = {}
    for (dataset, label), own in group_by_method(records).items():
        by_seed = {record.trial.seed: record for record in own if not record.is_tuned}
        groups.setdefault(dataset, {})[label] = by_seed
    return groups


def _pair(varied: BySeed, base: BySeed) -> Iterator[tuple[FinishedRecord, FinishedRecord]]:
    """(variation, base) at each seed that both have."""
    return ((varied[seed], base[seed]) for seed in sorted(varied.keys() & base))


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _mean_accuracy(records: BySeed) -> float | None:
    """Percent, over seeds; None without records."""
    return summarise([list_accuracies(r) for r in records.values()]).mean if records else None


def _compare(varied: BySeed, base: BySeed) -> dict[str, Any]:
    difference = compare_by_seed(
        {seed: list_accuracies(record) for seed, record in varied.items()},
        {seed: list_accuracies(record) for seed, record in base.items()},
    )
    pairs = list(_pair(varied, base))
    return difference.to_columns() | {
        "seeds": difference.seeds,
        "test_accuracy_percent": _mean_accuracy(varied),
        "better_share": difference.better,
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
