"""Trials whose search failed to train, marked in every table that has a row per trial."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import pandas as pd

from analysis.common.trials import TRIAL_COLUMNS, identify
from bench.records.facts import StudyFacts
from bench.records.learning import find_problems
from bench.records.schema import FinishedRecord

COLUMN = "search_failed"
NO_RANK = "search failed to train"

T = TypeVar("T")

Trial = tuple[str, ...]
"""Values of `TRIAL_COLUMNS`, as text."""


def judge(records: Sequence[FinishedRecord], facts: StudyFacts) -> dict[Trial, list[str]]:
    """Trial -> what shows that its search failed to train; only trials that can be judged."""
    judged = {}
    for record in records:
        problems = find_problems(record, facts.worst_references)
        if problems is not None:
            judged[tuple(map(str, identify(record).values()))] = problems
    return judged


@dataclass(frozen=True)
class Failures:
    """Of a method's trials: how many can be judged, and what each that failed shows, by seed."""

    judged: int
    problems: Mapping[int, Sequence[str]]

    @property
    def are_most(self) -> bool:
        """Whether the method has no rank: most of its searches failed to train."""
        return 2 * len(self.problems) > self.judged


def count(records: Iterable[FinishedRecord], facts: StudyFacts) -> Failures:
    """The failures of one method's trials on one data set."""
    found = {one.trial.seed: find_problems(one, facts.worst_references) for one in records}
    judged = {seed: problems for seed, problems in found.items() if problems is not None}
    return Failures(len(judged), {seed: one for seed, one in judged.items() if one})


def mark(outputs: Mapping[str, Any], judged: Mapping[Trial, list[str]]) -> Mapping[str, Any]:
    """The same outputs, with the column `search_failed` in tables that have a row per trial.

    It is yes or no, and empty where a trial cannot be judged. A study in which none can be has no
    such column.
    """
    if not judged:
        return outputs
    return {name: _mark(content, judged) for name, content in outputs.items()}


def _mark(content: T, judged: Mapping[Trial, list[str]]) -> T | pd.DataFrame:
    if not isinstance(content, pd.DataFrame) or not set(TRIAL_COLUMNS) <= set(content.columns):
        return content
    keys = content[list(TRIAL_COLUMNS)].astype(str).itertuples(index=False, name=None)
    words = {True: "yes", False: "no"}
    marks = [words[bool(judged[key])] if key in judged else None for key in keys]
    place = list(content.columns).index(TRIAL_COLUMNS[-1]) + 1
    marked = content.copy()
    marked.insert(place, COLUMN, marks)
    return marked
