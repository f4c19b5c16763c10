"""The leaderboard's numbers: accuracies, ranks, tests against the baseline, sizes and costs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd

from analysis.common import comparisons, failed_searches, sequential
from analysis.common.comparisons import Sample
from analysis.common.intervals import interquartile_mean, seed_means, summarise_accuracies
from analysis.common.operations import CollapseThresholds
from analysis.common.sequential import Schedule
from analysis.common.trials import list_accuracies, list_by_search
from analysis.leaderboard.chance import measure_chance
from analysis.leaderboard.ranks import rank_by_mean
from bench.records.facts import StudyFacts
from bench.records.population import Population
from bench.records.schema import FinishedRecord, mark_tuned

COLUMNS = (
    "rank", "rank_low", "rank_high", "method", "evaluation", "dataset",
    "test_accuracy_percent", "test_accuracy_low_percent", "test_accuracy_high_percent",
    "interquartile_mean_percent", "seeds", *comparisons.COLUMNS,
    "chance_share", "chance_with_none_share",
    "nll", "ece_percent", "parameters", "nonzero_parameters", "flops",
    "search_seconds", "evaluation_seconds", "tuning_seconds",
    "search_peak_memory_bytes", "evaluation_peak_memory_bytes",
    "collapsed", "searches_judged", "searches_failed", "device", "hardware",
)  # fmt: skip


class Entry(NamedTuple):
    """A row of the leaderboard: a method, with the study's or with tuned evaluation settings."""

    label: str
    is_tuned: bool

    @property
    def name(self) -> str:
        """What the row is called in one word."""
        return mark_tuned(self.label, self.is_tuned)


def tabulate(
    records: Sequence[FinishedRecord], facts: StudyFacts, thresholds: CollapseThresholds
) -> pd.DataFrame:
    """One row per (data set, method, evaluation), by mean accuracy; the columns are `COLUMNS`.

    Accuracies are percent, differences from the baseline points, nll nats, times seconds, memory
    bytes; sizes and costs are means over seeds, `collapsed` counts seeds. Equal means share a rank.
    chance: P(the mean of as many random cells is as good), of cells without none and of all, where
    the accuracies of all cells are known. A method whose searches failed to train on most seeds
    comes last and has neither rank nor verdict. What too few seeds do not allow to say is empty; so
    is what the records do not have.
    """
    rows: list[dict[str, Any]] = []
    schedule = Schedule.read(records, facts)
    for dataset, entries in group_by_entry(records).items():
        failures = {entry: failed_searches.count(own, facts) for entry, own in entries.items()}
        samples = list_comparable(entries, facts)
        named = {entry.name: sample for entry, sample in samples.items()}
        ranks = rank_by_mean(named, facts.region, schedule)
        judgements = judge_against_baseline(samples, facts, schedule)
        block = []
        for entry, own in entries.items():
            rank, judgement = ranks.get(entry.name), judgements.get(entry)
            row: dict[str, Any] = {
                "rank": rank.place if rank else None,
                "rank_low": rank.low if rank else None,
                "rank_high": rank.high if rank else None,
                "method": entry.label,
                "evaluation": "tuned" if entry.is_tuned else "default",
                "dataset": dataset,
                "collapsed": sum(thresholds.have_collapsed(one.architecture) for one in own),
                "searches_judged": failures[entry].judged,
                "searches_failed": len(failures[entry].problems),
            }
            row |= _list_measures(own) | measure_chances(own, facts.populations) | _list_costs(own)
            block.append(row | (judgement.to_columns() if judgement else {}))
        rows += sorted(block, key=lambda row: row["rank"] or len(block) + 1)
    integers = dict.fromkeys(("rank", "rank_low", "rank_high"), "Int64")
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(integers)


def list_comparable(
    entries: Mapping[Entry, Sequence[FinishedRecord]], facts: StudyFacts
) -> dict[Entry, Sample]:
    """The accuracies of every row, but of those whose searches failed to train on most seeds."""
    return {
        entry: list_by_search(own)
        for entry, own in entries.items()
        if not failed_searches.count(own, facts).are_most
    }


def judge_against_baseline(
    samples: Mapping[Entry, Sample], facts: StudyFacts, schedule: Schedule
) -> dict[Entry, comparisons.Judgement]:
    """Every other row against the baseline, whose own evaluation is the untuned one.

    Where seeds were added until a verdict, the family that Holm corrects over has every method of
    the study, also one that drops out because its searches failed.
    """
    baseline = Entry(facts.baseline or "", is_tuned=False)
    if baseline not in samples:
        return {}
    others = {entry: sample for entry, sample in samples.items() if entry != baseline}
    absent = max(0, len(facts.labels) - 1 - len(others))
    return sequential.judge(others, samples[baseline], facts.region, schedule, absent)


def group_by_entry(
    records: Iterable[FinishedRecord],
) -> dict[str, dict[Entry, list[FinishedRecord]]]:
    """Data set -> row of the leaderboard -> its records, in their order."""
    groups: dict[str, dict[Entry, list[FinishedRecord]]] = {}
    for record in records:
        entry = Entry(record.trial.label, record.is_tuned)
        groups.setdefault(record.trial.dataset, {}).setdefault(entry, []).append(record)
    return groups


def _list_measures(records: Sequence[FinishedRecord]) -> dict[str, Any]:
    """How good the networks are and how large."""
    accuracies = [list_accuracies(record) for record in records]
    accuracy = summarise_accuracies(accuracies)
    evaluations = [record.evaluation for record in records]
    error = _mean(evaluation.test.ece for evaluation in evaluations)
    return {
        "test_accuracy_percent": accuracy.mean,
        "test_accuracy_low_percent": accuracy.low,
        "test_accuracy_high_percent": accuracy.high,
        "interquartile_mean_percent": interquartile_mean(accuracies),
        "seeds": accuracy.seeds,
        "nll": _mean(evaluation.test.nll for evaluation in evaluations),
        "ece_percent": None if error is None else 100 * error,
        "parameters": _mean(evaluation.parameters for evaluation in evaluations),
        "nonzero_parameters": _mean(evaluation.nonzero_parameters for evaluation in evaluations),
        "flops": _mean(evaluation.flops for evaluation in evaluations),
    }


def measure_chances(
    records: Sequence[FinishedRecord], populations: Iterable[Population]
) -> dict[str, float]:
    """How likely as many random cells are as good, where all cells' accuracies are known."""
    evaluation = records[0].evaluation
    source = evaluation.sources.get(evaluation.dataset)
    accuracies = seed_means([list_accuracies(record) for record in records])
    for population in populations:
        if source is not None and population.is_of(source):
            return {
                "chance_share": measure_chance(population.count(), accuracies),
                "chance_with_none_share": measure_chance(population.count(False), accuracies),
            }
    return {}


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
