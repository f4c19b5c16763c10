"""What every analysis needs of a list of records: their order, their labels, their genotypes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench import study as bench_study
from bench.errors import ResultsError
from bench.space.genotype import Genotype

Record = Mapping[str, Any]
"""A finished trial's record (JSON, schema 1)."""


@dataclass(frozen=True)
class StudyFacts:
    """What tables and figures say about the study. `failed` and `missing` count trials."""

    name: str
    description: str = ""
    baseline: str | None = None
    labels: tuple[str, ...] = ()
    datasets: tuple[str, ...] = ()
    failed: int | None = None
    missing: int | None = None
    gate: str | None = None
    """What the gate says, in words (bench.gate.state)."""


def facts(study: Mapping[str, Any]) -> StudyFacts:
    """Read the dictionary that `bench` hands over; `failed` and `missing` may be absent."""
    return StudyFacts(
        name=str(study["name"]),
        description=str(study.get("description") or ""),
        baseline=study.get("baseline"),
        labels=tuple(study["labels"]),
        datasets=tuple(study["datasets"]),
        failed=study.get("failed"),
        missing=study.get("missing"),
        gate=(study.get("gate") or {}).get("text"),
    )


def ordered(records: Sequence[Record], study: Mapping[str, Any]) -> list[Record]:
    """Records by data set, label (both in the study's order) and seed, without duplicates.

    Raises ResultsError where one (label, data set, seed) has two different trials, or one data set
    two different digests: their numbers do not belong in one mean.
    """
    labels, datasets = list(study["labels"]), list(study["datasets"])

    def key(record: Record) -> tuple[Any, ...]:
        trial = record["trial"]
        return (
            *_place(trial["dataset"], datasets),
            *_place(trial["label"], labels),
            trial["seed"],
            trial["id"],
        )

    unique = {record["trial"]["id"]: record for record in records}
    rows = sorted(unique.values(), key=key)
    digests: dict[str, str] = {}
    for before, after in zip([None, *rows], rows, strict=False):
        trial, digest = after["trial"], str(after["data"]["digest"])
        if before is not None and _same_cell(before["trial"], trial):
            raise ResultsError(
                f"{trial['label']} on {trial['dataset']}, seed {trial['seed']}, has two different "
                f"configurations: {before['trial']['id'][:8]} and {trial['id'][:8]}; one is allowed"
            )
        if digests.setdefault(trial["dataset"], digest) != digest:
            raise ResultsError(
                f"records on {trial['dataset']} used different data: digests "
                f"{digests[trial['dataset']][:12]} and {digest[:12]} ({stem(after)})"
            )
    return rows


def _place(name: str, order: list[str]) -> tuple[int, str]:
    return (order.index(name) if name in order else len(order), name)


def _same_cell(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return all(one[key] == other[key] for key in ("label", "dataset", "seed"))


def labels_of(records: Sequence[Record], study: StudyFacts) -> list[str]:
    """The labels that have records, in the study's order, unknown ones last."""
    return _present((str(record["trial"]["label"]) for record in records), study.labels)


def all_labels(records: Sequence[Record], study: StudyFacts) -> list[str]:
    """The study's labels, with records or not, then unknown ones: a label's colour is its place."""
    return list(dict.fromkeys((*study.labels, *labels_of(records, study))))


def datasets_of(records: Sequence[Record], study: StudyFacts) -> list[str]:
    """The data sets that have records, in the study's order, unknown ones last."""
    return _present((str(record["trial"]["dataset"]) for record in records), study.datasets)


def _present(names: Any, order: tuple[str, ...]) -> list[str]:
    return sorted(set(names), key=lambda name: _place(name, list(order)))


def stem(record: Record) -> str:
    """The name of the trial's files, without suffix."""
    return bench_study.stem(record["trial"])


def identity(record: Record) -> dict[str, Any]:
    """The columns that name a trial in every per-trial table."""
    trial = record["trial"]
    return {
        "method": trial["label"],
        "dataset": trial["dataset"],
        "seed": trial["seed"],
        "trial": trial["id"][:8],
    }


def genotype(record: Record) -> Genotype:
    """The found genotype. Raises ResultsError, naming the record, where it is not one."""
    return read(record["genotype"], record)


def read(data: Any, record: Record) -> Genotype:
    """A genotype of `record` from its JSON form. Raises ResultsError where it is another."""
    try:
        return Genotype.from_json(data)
    except (ValueError, TypeError) as error:
        raise ResultsError(f"record {stem(record)}: {error}") from error
