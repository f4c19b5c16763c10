"""Where a leaderboard's records come from: studies, folders of records, an MLflow server."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.errors import ConfigurationError, ResultsError, suggest
from bench.records import status
from bench.records.store import Standing, Store, located, stand
from bench.study.file import load, shipped
from bench.study.model import Study

Record = dict[str, Any]
Names = dict[tuple[str, str], str]


@dataclass(frozen=True)
class Gathered:
    """Finished and failed records, where each was found (by label and id), and their study's facts.

    `study` is what `Study.summary` says, with the counts of failed and missing trials; of records
    without a study file, what they say themselves. `folder` is where tables belong.
    """

    records: list[Record]
    names: Names
    study: dict[str, Any]
    folder: Path
    failed: Sequence[Record] = ()


def gather(
    references: Sequence[str],
    results: Path,
    overrides: Sequence[str] = (),
    uri: str | None = None,
    baseline: str | None = None,
) -> Gathered:
    """Everything that the references name, in whichever order they are given.

    A reference is a study (shipped, or a YAML file) or a folder with records/; with `uri`, an
    MLflow server's, a study or the name of an experiment there. Raises ConfigurationError for a
    wrong reference or baseline and ResultsError where there is no finished record, a damaged one,
    or two that contradict each other.
    """
    parts = [
        _part(reference, results, overrides, uri) for reference in sorted(dict.fromkeys(references))
    ]
    whole = parts[0] if len(parts) == 1 else _joined(parts, results)
    if not whole.records:
        where = f"at {uri}" if uri else f"in {whole.folder}"
        raise ResultsError(
            f"no record of a finished trial of study {whole.study['name']} {where};"
            f" `bench run {whole.study['name']}` makes them"
        )
    return whole if baseline is None else _against(whole, baseline)


def _part(reference: str, results: Path, overrides: Sequence[str], uri: str | None) -> Gathered:
    if uri is None and Path(reference).is_dir() and reference not in shipped():
        return _of_folder(Path(reference))
    try:
        study = load(reference, overrides)
    except ConfigurationError:
        if uri is None or overrides or not _plain(reference):
            raise
        return _of_experiment(reference, results, uri)
    folder = results / study.name
    found = list(located(folder)) if uri is None else _fetched(study.name, uri)
    records, names = merged(found)
    return _of_study(study, folder, stand(records, study.trials), names)


def _of_study(study: Study, folder: Path, standing: Standing, names: Names) -> Gathered:
    facts = status.facts(study, folder, standing)
    return Gathered(standing.finished, names, facts, folder, standing.failed)


def _of_folder(folder: Path) -> Gathered:
    folder = folder.parent if folder.name == "records" else folder
    if not Store(folder).records_folder.is_dir():
        raise ResultsError(f"folder {folder} has no records: there is no {folder / 'records'}")
    return _undescribed(folder.resolve().name, folder, located(folder))


def _of_experiment(name: str, results: Path, uri: str) -> Gathered:
    return _undescribed(name, results / name, _fetched(name, uri))


def _undescribed(name: str, folder: Path, found: Iterable[tuple[str, Record]]) -> Gathered:
    """Records without their study's file: it is known from them alone."""
    records, names = merged(found)
    trials = [record["trial"] for record in records]
    study = {
        "name": name,
        "description": "",
        "baseline": None,
        "labels": sorted({trial["label"] for trial in trials}),
        "datasets": sorted({trial["dataset"] for trial in trials}),
        "seeds": sorted({trial["seed"] for trial in trials}),
        "failed": sum(record["status"] == "failed" for record in records),
    }
    finished = [record for record in records if record["status"] == "finished"]
    failed = [record for record in records if record["status"] == "failed"]
    return Gathered(finished, names, study, folder, failed)


def merged(found: Iterable[tuple[str, Record]]) -> tuple[list[Record], Names]:
    """Records without duplicates, and where each was found.

    A trial that failed in one place and finished in another has finished. Raises ResultsError,
    naming both places, where two records of one trial say different things.
    """
    kept: dict[tuple[str, str], Record] = {}
    names: Names = {}
    for where, record in found:
        key = (record["trial"]["label"], record["trial"]["id"])
        known = kept.get(key)
        if known is not None and known["status"] == record["status"] and known != record:
            raise ResultsError(f"two different records of one trial: {names[key]} and {where}")
        if known is None or known["status"] == "failed":
            kept[key], names[key] = record, names.get(key, where) if known == record else where
    return list(kept.values()), names


def _joined(parts: Sequence[Gathered], results: Path) -> Gathered:
    """Several studies as one; a label of two studies has to be the same method in both."""
    found = [
        (part.names[record["trial"]["label"], record["trial"]["id"]], record)
        for part in parts
        for record in part.records
    ]
    records, names = merged(found)
    name = "+".join(dict.fromkeys(part.study["name"] for part in parts))
    baselines = sorted({part.study["baseline"] for part in parts if part.study["baseline"]})
    counts = {
        key: sum(part.study[key] for part in parts)
        for key in ("failed", "missing")
        if all(key in part.study for part in parts)
    }
    gates = {part.study["name"]: part.study.get("gate") for part in parts}
    said = [f"{study}: {gate['text']}" for study, gate in gates.items() if gate]
    study = {
        "name": name,
        "description": "",
        "gate": {"text": " ".join(said)} if said else None,
        "baseline": baselines[0] if len(baselines) == 1 else None,
        **{
            key: list(dict.fromkeys(one for part in parts for one in part.study[key]))
            for key in ("labels", "datasets", "seeds")
        },
        **counts,
    }
    return Gathered(records, names, study, results / name)


def _against(whole: Gathered, baseline: str) -> Gathered:
    labels = list(whole.study["labels"])
    if baseline not in labels:
        raise ConfigurationError(
            f"--baseline {baseline}: no method of {whole.study['name']};"
            f" {suggest(baseline, labels)}"
        )
    return replace(whole, study={**whole.study, "baseline": baseline})


def _fetched(experiment: str, uri: str) -> list[tuple[str, Record]]:
    from bench.tracking import store as tracking

    return tracking.fetch(experiment, uri)


def _plain(reference: str) -> bool:
    return "/" not in reference and not reference.endswith((".yaml", ".yml"))
