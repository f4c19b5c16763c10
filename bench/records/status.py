"""What `bench status` says: every trial of a study, and what is stale and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from bench.data.config import DataConfig
from bench.records.schema import RunRecord
from bench.records.staleness import explain_configuration, explain_data, explain_engine
from bench.records.store import Standing
from bench.records.transfer import changes
from bench.study.model import Study, Trial

Digests = Mapping[DataConfig, str]
"""Of data sets as they are now: `SearchData.digest`."""


def describe(
    study: Study, standing: Standing, folder: Path, digests: Digests | None = None
) -> Iterator[str]:
    """One line per trial, one per record of another configuration, and one that counts them.

    folder: the results'. digests: of the data sets that could be looked at.
    """
    old = find_stale(standing, study.trials, digests)
    reasons = {f.trial.key: f"{f.error.type}: {f.error.message}" for f in standing.failed} | old
    for trial in study.trials:
        state = "stale" if trial.key in old else standing.state_of(trial)
        why = f": {reasons[trial.key]}" if trial.key in reasons else ""
        yield f"{state:8}  {trial.id[:8]}  {trial}{why}"
    for record in standing.stale:
        why = _explain(record, study.trials)
        yield f"stale     {record.trial.id[:8]}  {record.trial}: {why}"
    yield from changes.describe(study, [*standing.recorded, *standing.stale])
    again = "; `bench run --stale` makes them anew" if old else ""
    yield (
        f"{study.name}: {len(study.trials)} trials, {len(standing.finished)} finished"
        f"{f' ({len(old)} of them by another engine or on other data{again})' if old else ''},"
        f" {len(standing.failed)} failed, {len(standing.missing)} missing;"
        f" {len(standing.stale)} stale records in {folder}"
    )
    if study.looks:
        counts = set(Counter((trial.dataset, trial.label) for trial in study.trials).values())
        have = " to ".join(map(str, sorted({min(counts), max(counts)})))
        yield (
            f"{study.name}: seeds are added until a verdict, with looks at"
            f" {', '.join(map(str, study.looks))} seeds; methods have {have}"
        )


def find_stale(
    standing: Standing, trials: Sequence[Trial], digests: Digests | None = None
) -> dict[tuple[str, str], str]:
    """Of finished trials that another engine made, or on data that has changed: why, by key."""
    engines = {record.trial.key: explain_engine(record) for record in standing.finished}
    reasons = {trial: why for trial, why in engines.items() if why is not None}
    return find_changed_data(standing, trials, digests or {}) | reasons


def find_changed_data(
    standing: Standing, trials: Sequence[Trial], digests: Digests
) -> dict[tuple[str, str], str]:
    """Of finished trials whose data set has changed since: how, by key."""
    now = {trial.key: digests.get(trial.data) for trial in trials}
    reasons = {r.trial.key: explain_data(r, now.get(r.trial.key)) for r in standing.finished}
    return {trial: why for trial, why in reasons.items() if why is not None}


def find_disagreeing(standing: Standing, trials: Sequence[Trial]) -> set[DataConfig]:
    """The data sets on whose images finished trials do not agree."""
    configs = {trial.id: trial.data for trial in trials}
    seen: dict[DataConfig, set[str]] = {}
    for record in standing.finished:
        seen.setdefault(configs[record.trial.id], set()).add(record.data.digest)
    return {config for config, digests in seen.items() if len(digests) > 1}


def _explain(record: RunRecord, trials: tuple[Trial, ...]) -> str:
    reasons = (explain_configuration(record, trial) for trial in trials)
    return next((why for why in reasons if why), "of no trial of this study")
