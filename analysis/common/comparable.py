"""Which records may stand in one table: those that differ in what is compared and in nothing else.

On one data set: the same images, splits and augmentation, space, search budget and evaluation. Of
one method: the same options. A tuned record may have other evaluation options and options of its
method, not another budget.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from analysis.common.trials import Record, is_tuned, place, stem
from bench.errors import ResultsError
from bench.records.differences import Gap, section_differences

BUDGET = ("epochs", "cells", "channels", "train_on")
"""Options of an evaluation that tuning leaves alone."""


Names = Mapping[tuple[str, str], str]
"""The file of each record, by (label, id)."""


def ordered(
    records: Sequence[Record], study: Mapping[str, Any], names: Names | None = None
) -> list[Record]:
    """Records by data set, label (both in the study's order), seed and evaluation.

    Duplicates are dropped. Raises ResultsError, naming the files, where two records of one trial
    say different things, one cell has two trials, or records do not compare.
    """
    labels, datasets = list(study["labels"]), list(study["datasets"])

    def key(record: Record) -> tuple[Any, ...]:
        trial = record["trial"]
        return (
            *place(trial["dataset"], datasets),
            *place(trial["label"], labels),
            trial["seed"],
            is_tuned(record),
            trial["id"],
        )

    def where(record: Record) -> str:
        return (names or {}).get(name_of(record)) or f"{stem(record)}.json"

    unique: dict[tuple[str, str], Record] = {}
    for record in records:
        if unique.setdefault(name_of(record), record) != record:
            raise ResultsError(f"two different records of one trial: {where(record)}")
    rows = sorted(unique.values(), key=key)
    for before, after in pairwise(rows):
        if key(before)[:-1] == key(after)[:-1]:
            trial = after["trial"]
            raise ResultsError(
                f"{trial['label']} on {trial['dataset']}, seed {trial['seed']}, has two different "
                f"configurations: {where(before)} and {where(after)}; one is allowed"
            )
    check(rows, where, study.get("varied") or ())
    return rows


def name_of(record: Record) -> tuple[str, str]:
    """(label, id): what a study knows a trial by."""
    return str(record["trial"]["label"]), str(record["trial"]["id"])


def check(
    records: Sequence[Record], where: Callable[[Record], str], varied: Iterable[str] = ()
) -> None:
    """Raise ResultsError, naming the difference and both files, where records do not compare.

    `where` names a record's file; `varied` are labels that the study itself lets differ in more
    than their method.
    """
    first: dict[tuple[str, ...], Record] = {}
    exempt = set(varied)

    def same(kind: str, group: tuple[str, ...], record: Record, gaps: Gaps) -> None:
        reference = first.setdefault((kind, *group), record)
        for gap in gaps(reference, record):
            raise ResultsError(
                f"records on {record['trial']['dataset']} do not compare: {gap.name} is "
                f"{_shown(gap.one)} in {where(reference)} and {_shown(gap.other)} in "
                f"{where(record)}"
            )

    for record in records:
        trial, tuned = record["trial"], is_tuned(record)
        on = (str(trial["dataset"]),)
        same("digest", on, record, _digests)
        same("method's name", (*on, trial["label"]), record, _methods)
        if not tuned:
            same("method", (*on, trial["label"]), record, _in("method"))
        if trial["label"] in exempt:
            continue
        for section in ("data", "space", "search"):
            same(section, on, record, _in(section))
        same("budget", on, record, _in("evaluation", BUDGET))
        if not tuned:
            same("evaluation", on, record, _in("evaluation"))


Gaps = Callable[[Record, Record], Iterable[Gap]]


def _digests(one: Record, other: Record) -> Iterable[Gap]:
    digests = one["data"]["digest"], other["data"]["digest"]
    return [Gap("the data's SHA-256", *digests)] if digests[0] != digests[1] else []


def _methods(one: Record, other: Record) -> Iterable[Gap]:
    names = one["trial"]["method"], other["trial"]["method"]
    return [Gap(f"the method of {one['trial']['label']}", *names)] if names[0] != names[1] else []


def _in(section: str, only: tuple[str, ...] | None = None) -> Gaps:
    """Differences in a section of the configuration, of the named options or of all."""

    def gaps(one: Record, other: Record) -> Iterable[Gap]:
        options = [record["configuration"].get(section) or {} for record in (one, other)]
        if only is not None:
            options = [{k: v for k, v in named.items() if k in only} for named in options]
        return section_differences(section, *options)

    return gaps


def _shown(value: Any) -> str:
    text = str(value)
    return text[:12] if len(text) == 64 else text
