"""What `bench status` says: every trial of a study, and what is stale and why."""

from __future__ import annotations

from collections.abc import Iterator

from bench.records.schema import RunRecord
from bench.records.staleness import explain_configuration, explain_engine
from bench.records.store import Standing, Store
from bench.study.model import Study, Trial


def describe(study: Study, store: Store) -> Iterator[str]:
    """One line per trial, one per record of another configuration, and one that counts them."""
    standing = store.standing(study.trials)
    old = find_stale(standing)
    reasons = {f.trial.id: f"{f.error.type}: {f.error.message}" for f in standing.failed} | old
    for trial in study.trials:
        state = "stale" if trial.id in old else standing.state_of(trial)
        why = f": {reasons[trial.id]}" if trial.id in reasons else ""
        yield f"{state:8}  {trial.id[:8]}  {trial}{why}"
    for record in standing.stale:
        why = _explain(record, study.trials)
        yield f"stale     {record.trial.id[:8]}  {record.trial}: {why}"
    again = "; `bench run --stale` makes them anew" if old else ""
    yield (
        f"{study.name}: {len(study.trials)} trials, {len(standing.finished)} finished"
        f"{f' ({len(old)} of them by another engine{again})' if old else ''},"
        f" {len(standing.failed)} failed, {len(standing.missing)} missing;"
        f" {len(standing.stale)} stale records in {store.folder}"
    )


def find_stale(standing: Standing) -> dict[str, str]:
    """Of finished trials that another engine made: why, by id."""
    reasons = {record.trial.id: explain_engine(record) for record in standing.finished}
    return {trial: why for trial, why in reasons.items() if why is not None}


def _explain(record: RunRecord, trials: tuple[Trial, ...]) -> str:
    reasons = (explain_configuration(record, trial) for trial in trials)
    return next((why for why in reasons if why), "of no trial of this study")
