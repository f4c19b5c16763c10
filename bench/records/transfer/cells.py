"""The cells in a folder of results that a section `architectures` names."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.errors import BenchError, ResultsError, suggest
from bench.records import schema
from bench.records.origin import FILE, SHIPPED
from bench.records.parts import Source
from bench.records.schema import FailedRecord, FinishedRecord, RunRecord
from bench.records.store import Store, classify
from bench.study import file as study_file
from bench.study.architectures import ALL, ArchitecturesConfig, FoundCell
from bench.study.model import Study
from bench.study.validation import Place

Group = tuple[str, str]
"""(label, data set)"""


def find(results: Path, reference: str, config: ArchitecturesConfig, at: Place) -> list[FoundCell]:
    """The cells of a study in `results`, or of a folder with records/, by label and seed.

    Tuned records are left out: their cells are those of the others. Raises ConfigurationError where
    records are missing, damaged, or say nothing of validation images where these decide.
    """
    folder = _locate(results, reference, at)
    try:
        records = list(Store(folder))
    except ResultsError as error:
        raise (at / "from").error(str(error)) from error
    name = folder.resolve().name
    groups = _group(_select(records, config, at), name, at)
    _refuse_unfinished(folder, records, groups, config, at)
    several = len({dataset for _, dataset in groups}) > 1
    cells = []
    for (label, dataset), own in groups.items():
        chosen = own if config.rule == ALL else [_choose_best(own, name, at)]
        title = f"{label}-{_as_label(dataset)}" if several else label
        cells += [_describe(record, title, name, config.rule) for record in chosen]
    return cells


def _locate(results: Path, reference: str, at: Place) -> Path:
    folders = [results / reference, Path(reference)]
    for folder in folders:
        folder = folder.parent if folder.name == "records" else folder
        if any((folder / "records").glob("[!.]*.json")):
            return folder
    there = [path.parent.name for path in sorted(results.glob("*/records"))]
    known = f"; {suggest(reference, there)}" if there else ""
    raise (at / "from").wrong(
        reference,
        f"there are no records in {folders[0]} or {folders[1]}: run that study first{known}",
    )


def _select(
    records: Sequence[RunRecord], config: ArchitecturesConfig, at: Place
) -> list[RunRecord]:
    """The records of the labels, data sets and seeds that are wanted."""
    kept = [record for record in records if not record.is_tuned]
    for option, attribute in (("methods", "label"), ("datasets", "dataset"), ("seeds", "seed")):
        wanted = getattr(config, option)
        there = {getattr(record.trial, attribute) for record in kept}
        for value in wanted or ():
            if value not in there:
                names = ", ".join(map(str, sorted(there)))
                rule = f"there are no records of {value}; known: {names}"
                raise (at / option).wrong(list(wanted), rule)
        if wanted is not None:
            kept = [record for record in kept if getattr(record.trial, attribute) in wanted]
    return kept


def _group(records: Sequence[RunRecord], name: str, at: Place) -> dict[Group, list[FinishedRecord]]:
    """Finished records by label and data set, each in the order of seeds, one for each seed."""
    groups: dict[Group, dict[int, FinishedRecord]] = {}
    for record in sorted(records, key=lambda record: record.trial.seed):
        trial = record.trial
        if isinstance(record, FailedRecord):
            raise (at / "from").error(
                f"{name} is not finished: {trial} failed; `bench run` tries it again"
            )
        own = groups.setdefault((trial.label, trial.dataset), {})
        if trial.seed in own:
            raise (at / "from").error(
                f"{name} has records of two configurations of {trial}: "
                f"{own[trial.seed].trial.id[:8]} and {trial.id[:8]}; remove those that are stale"
            )
        own[trial.seed] = record
    return {group: list(own.values()) for group, own in sorted(groups.items())}


def _refuse_unfinished(
    folder: Path,
    records: Sequence[RunRecord],
    groups: Mapping[Group, Sequence[FinishedRecord]],
    config: ArchitecturesConfig,
    at: Place,
) -> None:
    """Raise ConfigurationError where trials have no record, as far as that is known.

    It is known where the study can be read; without it all methods must have the same seeds.
    """
    name = folder.resolve().name
    way_out = "run it first, or choose with methods, datasets and seeds what has finished"
    seeds = {group: [record.trial.seed for record in own] for group, own in groups.items()}
    every = sorted({seed for own in seeds.values() for seed in own})
    for (label, dataset), own in seeds.items():
        absent = [seed for seed in every if seed not in own]
        if absent:
            missing = ", ".join(map(str, absent))
            raise (at / "from").error(
                f"{name} is not finished: {label} on {dataset} has no seed {missing}; {way_out}"
            )
    study = _read_study(folder)
    standing = None if study is None else classify(records, study.trials)
    if standing is None or not standing.finished:  # another version of the study, if one at all
        return
    wanted = {"label": config.methods, "dataset": config.datasets, "seed": config.seeds}
    missing_trials = [
        trial
        for trial in standing.missing
        if all(own is None or getattr(trial, name) in own for name, own in wanted.items())
    ]
    if missing_trials:
        raise (at / "from").error(
            f"{name} is not finished: {len(missing_trials)} of its trials have no record, first"
            f" {missing_trials[0]}; {way_out}"
        )


def _read_study(folder: Path) -> Study | None:
    """The study that made a folder, where it is known and can be read."""
    reference = folder.resolve().name
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        source = str(json.loads((folder / FILE).read_text(encoding="utf-8"))["source"])
        shipped = source.startswith(SHIPPED)
        reference = source.removeprefix(SHIPPED) if shipped else str(folder.resolve() / source)
    with contextlib.suppress(BenchError):
        study = study_file.load(reference)
        return study if study.name == folder.resolve().name else None
    return None


def _choose_best(records: Sequence[FinishedRecord], name: str, at: Place) -> FinishedRecord:
    """The best on validation images; of equal ones that of the lowest seed."""
    for record in records:
        if record.evaluation.validation is None:
            raise (at / "rule").error(
                f"{record.trial} of {name} has no validation accuracy to choose by (it was trained"
                " on all images, or looked up of test images); rule: all takes every seed"
            )
    return max(records, key=_read_validation)


def _read_validation(record: FinishedRecord) -> float:
    quality = record.evaluation.validation
    return -1.0 if quality is None else quality.accuracy


def _as_label(dataset: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", dataset).strip("-")


def _describe(record: FinishedRecord, label: str, study: str, rule: str) -> FoundCell:
    trial, quality = record.trial, record.evaluation.validation
    source = Source(
        study=study,
        rule=rule,
        trial=trial.id,
        digest=schema.digest(record),
        label=trial.label,
        method=trial.method,
        dataset=trial.dataset,
        seed=trial.seed,
        validation_accuracy=None if quality is None else quality.accuracy,
    )
    return FoundCell(label, trial.seed, record.architecture, source.model_dump())
