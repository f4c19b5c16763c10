"""The leaderboard: which method found the best networks, how sure that is, and what it cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from analysis.common import operations
from analysis.common.statistics import BySeed, holm, paired, ranks, summarise
from analysis.common.trials import (
    Record,
    StudyFacts,
    accuracies,
    datasets_of,
    evaluation_seconds,
    genotype,
    is_tuned,
    labels_of,
    search_seconds,
)

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

Entry = tuple[str, bool]
"""A method's label and whether its evaluation is tuned: a row of the table."""


def table(records: Sequence[Record], study: StudyFacts) -> pd.DataFrame:
    """One row a (data set, method, evaluation), by mean test accuracy; the columns are `COLUMNS`.

    Accuracies are percent, differences from the baseline points, nll nats, times seconds, memory
    bytes; sizes and costs are means over seeds, `collapsed` counts seeds. Equal means share a rank.
    What too few seeds do not allow to say is empty; so is what the records do not have.
    """
    rows: list[dict[str, Any]] = []
    for dataset in datasets_of(records, study):
        rows += _block(records, study, dataset)
    whole = dict.fromkeys(("rank_low", "rank_high", "paired_seeds"), "Int64")
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(whole)


def name(entry: Entry) -> str:
    """What a row is called where it has one name."""
    return f"{entry[0]} (tuned)" if entry[1] else entry[0]


def by_seed(
    records: Sequence[Record], study: StudyFacts, dataset: str
) -> dict[Entry, dict[int, list[float]]]:
    """Test accuracies (percent) by row and search seed, one for each of its evaluations."""
    return {
        entry: {record["trial"]["seed"]: accuracies(record) for record in chosen}
        for entry, chosen in entries(records, study, dataset).items()
    }


def entries(
    records: Sequence[Record], study: StudyFacts, dataset: str
) -> dict[Entry, list[Record]]:
    """The records of each row of one data set, in the study's order of methods."""
    found: dict[Entry, list[Record]] = {}
    for label in labels_of(records, study):
        for record in records:
            trial = record["trial"]
            if trial["label"] == label and trial["dataset"] == dataset:
                found.setdefault((label, is_tuned(record)), []).append(record)
    return found


def _block(records: Sequence[Record], study: StudyFacts, dataset: str) -> list[dict[str, Any]]:
    chosen = entries(records, study, dataset)
    values = by_seed(records, study, dataset)
    places = ranks({name(entry): by for entry, by in values.items()})
    rows = []
    for entry, of in chosen.items():
        place = places[name(entry)]
        row = {"rank": place.place, "rank_low": place.low, "rank_high": place.high}
        rows.append(
            row
            | _row(entry, dataset, of, operations.thresholds_of(study))
            | _against(entry, values, study.baseline)
        )
    _correct(rows)
    return sorted(rows, key=lambda row: row["rank"])


def _against(
    entry: Entry, values: dict[Entry, dict[int, list[float]]], baseline: str | None
) -> dict[str, Any]:
    """The comparison with the baseline, whose own evaluation is the untuned one."""
    other: BySeed | None = values.get((baseline, False)) if baseline is not None else None
    if other is None or entry == (baseline, False):
        return {}
    found = paired(values[entry], other)
    return {
        "paired_seeds": found.seeds,
        "difference_points": found.mean,
        "difference_low_points": found.low,
        "difference_high_points": found.high,
        "effect_size": found.effect_size,
        "beats_baseline": found.better,
        "beats_baseline_low": found.better_low,
        "beats_baseline_high": found.better_high,
        "p_value": found.p_value,
    }


def _correct(rows: list[dict[str, Any]]) -> None:
    """Holm's correction over the methods of a data set that are tested against the baseline."""
    for row, p in zip(rows, holm([row.get("p_value") for row in rows]), strict=True):
        row["p_value_holm"] = p


def _row(
    entry: Entry, dataset: str, records: Sequence[Record], thresholds: operations.Thresholds
) -> dict[str, Any]:
    accuracy = summarise([accuracies(record) for record in records], within=(0, 100))
    environments = [record["environment"] for record in records]
    error = _mean(records, "evaluation", "test", "ece")
    return {
        "method": entry[0],
        "evaluation": "tuned" if entry[1] else "default",
        "dataset": dataset,
        "test_accuracy_percent": accuracy.mean,
        "test_accuracy_low_percent": accuracy.low,
        "test_accuracy_high_percent": accuracy.high,
        "seeds": accuracy.seeds,
        "nll": _mean(records, "evaluation", "test", "nll"),
        "ece_percent": None if error is None else 100 * error,
        "parameters": _mean(records, "evaluation", "parameters"),
        "nonzero_parameters": _mean(records, "evaluation", "nonzero_parameters"),
        "flops": _mean(records, "evaluation", "flops"),
        "search_seconds": sum(map(search_seconds, records)) / len(records),
        "evaluation_seconds": sum(map(evaluation_seconds, records)) / len(records),
        "tuning_seconds": _mean(records, "tuning", "seconds") if entry[1] else None,
        "search_peak_memory_bytes": _mean(records, "search", "peak_memory_bytes"),
        "evaluation_peak_memory_bytes": _mean(records, "evaluation", "peak_memory_bytes"),
        "collapsed": sum(operations.collapsed(genotype(one), thresholds) for one in records),
        "device": "; ".join(sorted({str(one["device"]) for one in environments})),
        "hardware": "; ".join(sorted({str(one["hardware"]) for one in environments})),
    }


def _mean(records: Sequence[Record], *keys: str) -> float | None:
    """The mean over seeds (of first evaluations); None where a record does not have the value."""
    total = 0.0
    for record in records:
        value: Any = record
        for key in keys:
            value = (value or {}).get(key)
        if value is None:
            return None
        total += float(value)
    return total / len(records)
