"""Where a leaderboard's records come from: studies, folders of records, an MLflow server."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench.errors import ConfigurationError, ResultsError, suggest
from bench.records import facts, origin, population, sequential
from bench.records.facts import StudyFacts
from bench.records.schema import FailedRecord, FinishedRecord, RunRecord
from bench.records.store import Store, classify
from bench.records.transfer.loading import load
from bench.study.file import shipped
from bench.study.model import REGION, Study
from bench.study.tuned_settings import with_settings

Located = Iterable[tuple[str, RunRecord]]
"""(file or MLflow run, record)."""


@dataclass(frozen=True)
class Gathered:
    """Finished and failed records, where each is (by label and id), and their study's facts.

    `folder` is where tables belong.
    """

    records: Sequence[FinishedRecord]
    failed: Sequence[FailedRecord]
    files: Mapping[tuple[str, str], str]
    facts: StudyFacts
    folder: Path


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
    parts = take_once(
        _read(reference, results, overrides, uri) for reference in sorted(set(references))
    )
    whole = parts[0] if len(parts) == 1 else _join(parts, results)
    name = whole.facts.name
    if not whole.records:
        where = f"at {uri}" if uri else f"in {whole.folder}"
        raise ResultsError(
            f"no record of a finished trial of study {name} {where}; `bench run {name}` makes them"
        )
    if baseline is None:
        return whole
    if baseline not in whole.facts.labels:
        raise ConfigurationError(
            f"--baseline {baseline}: no method of {name}; {suggest(baseline, whole.facts.labels)}"
        )
    return replace(whole, facts=replace(whole.facts, baseline=baseline))


def _read(reference: str, results: Path, overrides: Sequence[str], uri: str | None) -> Gathered:
    if uri is None and Path(reference).is_dir() and reference not in shipped():
        if overrides:
            raise ConfigurationError(
                f"--set {overrides[0]}: changes a study's file, and {reference} is a folder of"
                " records"
            )
        return _read_folder(Path(reference))
    try:
        study = load(reference, overrides, results)
    except ConfigurationError:
        is_file = "/" in reference or reference.endswith((".yaml", ".yml"))
        if uri is None or overrides or is_file:
            raise
        return _describe(reference, results / reference, _fetch(reference, uri))
    folder = results / study.name
    if uri is None:
        origin.check(study, folder)
    study = with_additions(study, folder)
    records, places = merge(_fetch(study.name, uri) if uri is not None else _locate(folder))
    standing = classify(records, study.trials)
    known = facts.collect(study, folder, standing)
    return Gathered(standing.finished, standing.failed, places, known, folder)


def with_additions(study: Study, folder: Path, evaluation: Path | None = None) -> Study:
    """The study with what its results have added: seeds of looks, and trials of tuned settings.

    evaluation: settings in place of those that the folder keeps. Raises ConfigurationError and
    ResultsError where what is kept cannot be read or meant.
    """
    return with_settings(sequential.with_looks(study, folder), folder, evaluation)


def _read_folder(folder: Path) -> Gathered:
    folder = folder.parent if folder.name == "records" else folder
    if not Store(folder).records_folder.is_dir():
        raise ResultsError(f"folder {folder} has no records: there is no {folder / 'records'}")
    return _describe(folder.resolve().name, folder, _locate(folder))


def _locate(folder: Path) -> Located:
    store = Store(folder)
    return ((str(store.record_path(record.trial)), record) for record in store)


def _fetch(experiment: str, uri: str) -> Located:
    from bench.tracking import runs

    return runs.fetch(experiment, uri)


def _describe(name: str, folder: Path, located: Located) -> Gathered:
    """Records without their study's file: it is known from them alone."""
    records, places = merge(located)
    failed = [record for record in records if isinstance(record, FailedRecord)]
    looked, seeds = sequential.read(folder), {record.trial.seed for record in records}
    order = looked.seeds if looked else []
    known = StudyFacts(
        name=name,
        labels=tuple(sorted({record.trial.label for record in records})),
        datasets=tuple(sorted({record.trial.dataset for record in records})),
        seeds=(*filter(seeds.__contains__, order), *sorted(seeds.difference(order))),
        failed=len(failed),
        populations=population.read(folder),
        region=looked.region if looked else REGION,
        looks=tuple(looked.looks) if looked else (),
    )
    return Gathered(_finished(records), failed, places, known, folder)


def merge(located: Located) -> tuple[list[RunRecord], dict[tuple[str, str], str]]:
    """Records without duplicates, and where each is.

    A trial that failed in one place and finished in another has finished. Raises ResultsError,
    naming both places, where two records of one trial say different things.
    """
    kept: dict[tuple[str, str], RunRecord] = {}
    places: dict[tuple[str, str], str] = {}
    for where, record in located:
        key = record.trial.key
        known = kept.get(key)
        if known is not None and known.status == record.status and known != record:
            raise ResultsError(f"two different records of one trial: {places[key]} and {where}")
        if known is None or (known.status == "failed" and known != record):
            kept[key], places[key] = record, where
    return list(kept.values()), places


def _finished(records: Iterable[RunRecord]) -> list[FinishedRecord]:
    return [record for record in records if isinstance(record, FinishedRecord)]


def take_once(parts: Iterable[Gathered]) -> list[Gathered]:
    """Without folders that are named beside their study, or twice: the study's file says more."""
    read = [(part.folder.resolve(), part.facts.missing is None, part) for part in parts]
    taken, kept = {place for place, is_bare, _ in read if not is_bare}, []
    for place, is_bare, part in read:
        if not is_bare or place not in taken:
            kept.append(part)
        taken.add(place)
    return kept


def join_folder(parts: Sequence[Gathered], results: Path) -> Path:
    """Where the tables of studies together belong, in whichever order they are given.

    That of one folder is this one. Folders of one name in different places are named once each:
    `x+x` is not the study x.
    """
    names = {part.folder.resolve(): part.facts.name for part in parts}
    return parts[0].folder if len(names) == 1 else results / "+".join(sorted(names.values()))


def _join(parts: Sequence[Gathered], results: Path) -> Gathered:
    """Several studies as one; a label of two studies has to be the same method in both."""
    records, places = merge(
        (part.files[record.trial.key], record) for part in parts for record in part.records
    )
    each = [part.facts for part in parts]
    baselines = {known.baseline for known in each if known.baseline}
    regions = {known.region for known in each}
    name = "+".join(sorted({part.facts.name for part in parts}))
    gates = {known.name: f"{known.name}: {known.gate}" for known in each if known.gate}
    joined = StudyFacts(
        name=name,
        labels=tuple(dict.fromkeys(label for known in each for label in known.labels)),
        datasets=tuple(dict.fromkeys(dataset for known in each for dataset in known.datasets)),
        seeds=tuple(dict.fromkeys(seed for known in each for seed in known.seeds)),
        baseline=baselines.pop() if len(baselines) == 1 else None,
        failed=_total([known.failed for known in each]),
        missing=_total([known.missing for known in each]),
        gate=" ".join(gates.values()) or None,
        worst_references=_join_references(each),
        populations=tuple(one for known in each for one in known.populations),
        region=regions.pop() if len(regions) == 1 else REGION,
        looks=_join_looks(each),
    )
    return Gathered(_finished(records), [], places, joined, join_folder(parts, results))


def _join_looks(each: Sequence[StudyFacts]) -> tuple[int, ...]:
    """All numbers of seeds at which one of the studies was looked at; none if all are fixed.

    Each is a further look at the joint table, so that its error covers them.
    """
    if not any(known.looks for known in each):
        return ()
    return tuple(sorted({look for known in each for look in known.looks or (len(known.seeds),)}))


def _join_references(each: Sequence[StudyFacts]) -> dict[str, float]:
    """By data set the worst of any study: studies of different settings have different ones."""
    joined: dict[str, float] = {}
    for known in each:
        for dataset, accuracy in known.worst_references.items():
            joined[dataset] = min(accuracy, joined.get(dataset, accuracy))
    return joined


def _total(counts: Sequence[int | None]) -> int | None:
    """The sum of what is known of every part; None where one does not know."""
    return None if None in counts else sum(count or 0 for count in counts)
