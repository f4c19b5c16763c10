"""What every analysis needs of a list of records: their order, their labels, their genotypes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.errors import ResultsError
from bench.space.genotype import Genotype
from bench.study import model as bench_study

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
    """What the gate says, in words (bench.records.gate.state)."""
    collapsed_at: Mapping[str, float] = field(default_factory=dict)
    """Options of `analysis.common.operations.Thresholds` that are not the default."""


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
        collapsed_at=dict(study.get("collapsed_at") or {}),
    )


def is_tuned(record: Record) -> bool:
    """Whether its evaluation has hyper-parameters that `bench tune` chose.

    `tuning` is null or absent in the record of a trial with the study's own.
    """
    return bool(record.get("tuning"))


def evaluations(record: Record) -> list[Mapping[str, Any]]:
    """Every evaluation of the trial's architecture: one an evaluation seed."""
    return [record["evaluation"], *(record["evaluation"].get("repeats") or ())]


def evaluation_seconds(record: Record) -> float:
    """Of all of them."""
    return sum(float(one["seconds"]) for one in evaluations(record))


def accuracies(record: Record) -> list[float]:
    """Test accuracy (percent) of each evaluation of a trial's architecture."""
    return [100 * float(one["test"]["accuracy"]) for one in evaluations(record)]


def search_seconds(record: Record) -> float:
    """The search's training and the choice of its result, which may train or evaluate, too."""
    search = record["search"]
    return float(search["seconds"]) + float(search.get("selection_seconds", 0.0))


def place(name: str, order: Sequence[str]) -> tuple[int, str]:
    """Sort key: in the given order, unknown names last."""
    return (list(order).index(name) if name in order else len(order), name)


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
    return sorted(set(names), key=lambda name: place(name, order))


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
