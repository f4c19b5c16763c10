"""The leaderboard's numbers: accuracies, ranks, tests against the baseline, sizes and costs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd

from analysis.common.operations import CollapseThresholds
from analysis.common.statistics import (
    BySeed,
    compare_by_seed,
    correct_by_holm,
    rank_by_mean,
    summarise,
)
from analysis.common.trials import list_accuracies
from bench.records.schema import FinishedRecord

COLUMNS = (
    "rank", "rank_low", "rank_high", "method", "evaluation", "dataset",
    "test_accuracy_percent", "test_accuracy_low_percent", "test_accuracy_high_percent", "seeds",
    "paired_seeds", "difference_points", "difference_low_points", "difference_high_points",
    "effect_size", "beats_baseline", "beats_baseline_low", "beats_baseline_high",
    "p_value", "p_value_holm",
    "nll", "ece_percent", "parameters", "nonzero_parameters", "flops",
    "search_seconds", "evaluation_seconds", "tuning_seconds",
    "search_peak_memory_bytes", "evaluation_peak_memory_bytes",
    "collapsed", "device", "hardware",
)  # fmt: skip


class Entry(NamedTuple):
    """A row of the leaderboard: a method, with the study's or with tuned evaluation settings."""

    label: str
    is_tuned: bool

    @property
    def name(self) -> str:
        """What the row is called in one word."""
        return f"{self.label} (tuned)" if self.is_tuned else self.label


def tabulate(
    records: Sequence[FinishedRecord], baseline: str | None, thresholds: CollapseThresholds
) -> pd.DataFrame:
    """One row per (data set, method, evaluation), by mean accuracy; the columns are `COLUMNS`.

    Accuracies are percent, differences from the baseline points, nll nats, times seconds, memory
    bytes; sizes and costs are means over seeds, `collapsed` counts seeds. Equal means share a rank.
    What too few seeds do not allow to say is empty; so is what the records do not have.
    """
    rows: list[dict[str, Any]] = []
    for dataset, entries in group_by_entry(records).items():
        accuracies = {entry: list_by_seed(own) for entry, own in entries.items()}
        ranks = rank_by_mean({entry.name: values for entry, values in accuracies.items()})
        block = []
        for entry, own in entries.items():
            rank = ranks[entry.name]
            row: dict[str, Any] = {
                "rank": rank.place,
                "rank_low": rank.low,
                "rank_high": rank.high,
                "method": entry.label,
                "evaluation": "tuned" if entry.is_tuned else "default",
                "dataset": dataset,
                "collapsed": sum(thresholds.have_collapsed(one.architecture) for one in own),
            }
            row |= _list_measures(own) | _list_costs(own)
            block.append(row | _compare_with_baseline(entry, accuracies, baseline))
        p_values = correct_by_holm([row.get("p_value") for row in block])
        block = [row | {"p_value_holm": p} for row, p in zip(block, p_values, strict=True)]
        rows += sorted(block, key=lambda row: row["rank"])
    integers = dict.fromkeys(("rank_low", "rank_high", "paired_seeds"), "Int64")
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(integers)


def group_by_entry(
    records: Iterable[FinishedRecord],
) -> dict[str, dict[Entry, list[FinishedRecord]]]:
    """Data set -> row of the leaderboard -> its records, in their order."""
    groups: dict[str, dict[Entry, list[FinishedRecord]]] = {}
    for record in records:
        entry = Entry(record.trial.label, record.is_tuned)
        groups.setdefault(record.trial.dataset, {}).setdefault(entry, []).append(record)
    return groups


def list_by_seed(records: Iterable[FinishedRecord]) -> dict[int, list[float]]:
    """Accuracies (percent) by search seed, one for each evaluation of its architecture."""
    return {record.trial.seed: list_accuracies(record) for record in records}


def _compare_with_baseline(
    entry: Entry, accuracies: Mapping[Entry, BySeed], baseline: str | None
) -> dict[str, Any]:
    """The comparison with the baseline, whose own evaluation is the untuned one."""
    reference = Entry(baseline or "", is_tuned=False)
    if reference not in accuracies or entry == reference:
        return {}
    difference = compare_by_seed(accuracies[entry], accuracies[reference])
    return difference.to_columns() | {
        "paired_seeds": difference.seeds,
        "beats_baseline": difference.better,
        "beats_baseline_low": difference.better_low,
        "beats_baseline_high": difference.better_high,
    }


def _list_measures(records: Sequence[FinishedRecord]) -> dict[str, Any]:
    """How good the networks are and how large."""
    accuracy = summarise([list_accuracies(record) for record in records], within=(0, 100))
    evaluations = [record.evaluation for record in records]
    error = _mean(evaluation.test.ece for evaluation in evaluations)
    return {
        "test_accuracy_percent": accuracy.mean,
        "test_accuracy_low_percent": accuracy.low,
        "test_accuracy_high_percent": accuracy.high,
        "seeds": accuracy.seeds,
        "nll": _mean(evaluation.test.nll for evaluation in evaluations),
        "ece_percent": None if error is None else 100 * error,
        "parameters": _mean(evaluation.parameters for evaluation in evaluations),
        "nonzero_parameters": _mean(evaluation.nonzero_parameters for evaluation in evaluations),
        "flops": _mean(evaluation.flops for evaluation in evaluations),
    }


def _list_costs(records: Sequence[FinishedRecord]) -> dict[str, Any]:
    """What the trials took, and where."""
    tuning = [record.tuning.seconds if record.tuning else None for record in records]
    environments = [record.environment for record in records]
    return {
        "search_seconds": _mean(record.search.total_seconds for record in records),
        "evaluation_seconds": _mean(record.evaluation.total_seconds for record in records),
        "tuning_seconds": _mean(tuning),
        "search_peak_memory_bytes": _mean(r.search.peak_memory_bytes for r in records),
        "evaluation_peak_memory_bytes": _mean(r.evaluation.peak_memory_bytes for r in records),
        "device": "; ".join(sorted({environment.device for environment in environments})),
        "hardware": "; ".join(sorted({environment.hardware for environment in environments})),
    }


def _mean(values: Iterable[float | None]) -> float | None:
    """The mean over seeds (of first evaluations); None where a record does not have the value."""
    total, count = 0.0, 0
    for value in values:
        if value is None:
            return None
        total, count = total + value, count + 1
    return total / count
