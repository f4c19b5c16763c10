"""Finished trials as every analysis sees them: in the study's order, named in the same columns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from bench.records.schema import FinishedRecord, mark_tuned

TRIAL_COLUMNS = ("method", "dataset", "seed", "trial")
"""The first columns of every table with a row per trial; `trial` is the id's first 8 digits."""
CANDIDATE_KINDS = ("guided", "uniform")
"""Drawn from the learned posterior; drawn uniformly at the same expected size."""


def sort_key(name: str, order: Sequence[str]) -> tuple[int, str]:
    """Sorts names in the given order; names that are not in it come last, by the alphabet."""
    return (order.index(name) if name in order else len(order), name)


def group_by_method(
    records: Iterable[FinishedRecord],
) -> dict[tuple[str, str], list[FinishedRecord]]:
    """(data set, label) -> records, both in the order of the records."""
    groups: dict[tuple[str, str], list[FinishedRecord]] = {}
    for record in records:
        groups.setdefault((record.trial.dataset, record.trial.label), []).append(record)
    return groups


def identify(record: FinishedRecord) -> dict[str, Any]:
    """The values of `TRIAL_COLUMNS`."""
    trial = record.trial
    values = (trial.label, trial.dataset, trial.seed, trial.id[:8])
    return dict(zip(TRIAL_COLUMNS, values, strict=True))


def name_method(record: FinishedRecord) -> str:
    """Its label, and whether its evaluation is tuned."""
    return mark_tuned(record.trial.label, record.is_tuned)


def list_accuracies(record: FinishedRecord) -> list[float]:
    """The accuracy (percent) of each evaluation of a trial's architecture."""
    return [100 * evaluation.test.accuracy for evaluation in record.evaluation.all]


def average_accuracy(record: FinishedRecord) -> float:
    """The mean accuracy (percent) of all evaluations of a trial's architecture."""
    values = list_accuracies(record)
    return sum(values) / len(values)


def leave_tuned_out(records: Iterable[FinishedRecord]) -> list[FinishedRecord]:
    """The records of the study's own settings: a tuned evaluation is of the same search again."""
    return [record for record in records if not record.is_tuned]


def list_by_search(records: Iterable[FinishedRecord]) -> dict[str, list[float]]:
    """The accuracies of each search by its id: trials of one search share the id."""
    return {record.trial.search_id: list_accuracies(record) for record in records}


def name_accuracy(records: Iterable[FinishedRecord]) -> str:
    """What the accuracies of these records are, in a few words."""
    names = {record.evaluation.accuracy_name for record in records}
    return names.pop() if len(names) == 1 else "accuracy" if names else "test accuracy"


def label_accuracy(records: Iterable[FinishedRecord]) -> str:
    """`name_accuracy` as the label of an axis."""
    name = name_accuracy(records)
    return f"{name[0].upper()}{name[1:]} (%)"


def is_tabular(record: FinishedRecord) -> bool:
    """Whether the record's accuracies were looked up in a table of all architectures."""
    return record.evaluation.kind == "tabular"


class Pair(NamedTuple):
    """The accuracies of a candidate of a search on validation images (fractions).

    trainings: one for each training from scratch, those of a table where the study is of known
    accuracies; none where it was not trained.
    """

    inherited: float
    trainings: list[float]

    @property
    def retrained(self) -> float:
        """The mean over the trainings."""
        return float(np.mean(self.trainings))


def list_pairs(record: FinishedRecord, kind: str) -> list[Pair]:
    """All candidates of a kind (of `CANDIDATE_KINDS`), in the order drawn.

    A table that lacks some of them has trainings of none: those that it has are not a sample of
    what was drawn (with PGNAS's own candidates, those with no two operations on an edge).
    """
    candidates = getattr(record.selection, kind)
    inherited = candidates.accuracies if candidates else []
    retrained = record.selection.retrained or {}
    trained = retrained.get(kind, []) if all(map(all, retrained.values())) else []
    return [
        Pair(accuracy, trained[number] if number < len(trained) else [])
        for number, accuracy in enumerate(inherited)
    ]
