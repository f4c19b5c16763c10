"""What `bench status` says: every trial of a study, and what is stale and why."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.records import gate
from bench.records.staleness import other_configuration, other_engine
from bench.records.store import Standing, Store
from bench.study.model import Study, Trial


def lines(study: Study, store: Store) -> Iterator[str]:
    """One line a trial, one a record of another configuration, and one that counts them."""
    standing = store.standing(study.trials)
    old = stale(standing)
    errors = {record["trial"]["id"]: record["error"] for record in standing.failed}
    for trial in study.trials:
        error = errors.get(trial.id)
        why = f": {error['type']}: {error['message']}" if error else ""
        if trial.id in old:
            why = f": {old[trial.id]}"
        state = "stale" if trial.id in old else standing.of(trial)
        yield f"{state:8}  {trial.id[:8]}  {trial}{why}"
    for record in standing.stale:
        of = record["trial"]
        cell = f"{of['label']} on {of['dataset']}, seed {of['seed']}"
        yield f"stale     {of['id'][:8]}  {cell}: {_why(record, study.trials)}"
    again = "; `bench run --stale` makes them anew" if old else ""
    yield (
        f"{study.name}: {len(study.trials)} trials, {len(standing.finished)} finished"
        f"{f' ({len(old)} of them by another engine{again})' if old else ''},"
        f" {len(standing.failed)} failed, {len(standing.missing)} missing;"
        f" {len(standing.stale)} stale records in {store.folder}"
    )


def facts(study: Study, folder: Path, standing: Standing) -> dict[str, Any]:
    """What tables say of a study besides its records, as plain data. Raises ResultsError."""
    return {
        **study.summary(),
        "failed": len(standing.failed),
        "missing": len(standing.missing),
        "gate": gate.state(study.gate, folder),
    }


def stale(standing: Standing) -> dict[str, str]:
    """Of finished trials that another engine made: why, by id."""
    found = {record["trial"]["id"]: other_engine(record) for record in standing.finished}
    return {trial: why for trial, why in found.items() if why is not None}


def _why(record: dict[str, object], trials: tuple[Trial, ...]) -> str:
    reasons = (other_configuration(record, trial) for trial in trials)
    return next((why for why in reasons if why), "of no trial of this study")
