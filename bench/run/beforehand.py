"""What can be known before anything is trained: data, tables of accuracies, disk, MLflow's file."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from bench.data import registry
from bench.data.config import DataConfig
from bench.errors import BenchError, ResultsError
from bench.records import status
from bench.records.store import Standing, Store
from bench.study.model import Study, Trial
from bench.tracking.store import DATABASE

MIB = 2**20
BASE = 12 * MIB  # bytes: tables, figures and an empty MLflow database
PER_TRIAL = MIB // 2  # a record, a posterior table, drawings, MLflow's copies
PER_WORKER = 64 * MIB  # checkpoints of small networks


def read_digests(configs: Iterable[DataConfig], root: Path | None) -> dict[DataConfig, str]:
    """Load every data set once, so that a missing or damaged one is known before any trial runs.

    Returns the digests of their images. Raises DataError.
    """
    wanted = list(dict.fromkeys(configs))
    if not wanted:
        return {}
    import torch

    from bench.data.loading import load

    device = torch.device("cpu")
    return {config: load(config, root, device).search.digest for config in wanted}


def read_own_digests(study: Study, store: Store, root: Path | None) -> dict[DataConfig, str]:
    """Digests of the data sets that are the user's own files, which change, and that are there."""
    finished = {record.trial.id for record in store.standing(study.trials).finished}
    configs = {trial.data for trial in study.trials if trial.id in finished}
    digests: dict[DataConfig, str] = {}
    for config in configs:
        if config.name not in registry.names():
            try:
                digests |= read_digests([config], root)
            except BenchError:  # not here, or damaged: `bench run` says it
                continue
    return digests


def check_data(
    study: Study, standing: Standing, todo: Sequence[Trial], root: Path | None, stale: bool
) -> status.Digests:
    """The digests of the data sets that are needed now, of finished trials too if `stale`.

    Raises DataError, and, unless `stale`, ResultsError where a data set has changed since trials
    of the study were finished: their numbers and new ones would not compare.
    """
    configs = [trial.data for trial in (study.trials if stale else todo)]
    configs += status.find_disagreeing(standing, study.trials)
    digests = read_digests(configs, root)
    if not stale:
        refuse_changed_data(study, standing, digests)
    return digests


def refuse_changed_data(study: Study, standing: Standing, digests: status.Digests) -> None:
    """Raise ResultsError where finished trials saw other images than there are now."""
    changed = status.find_changed_data(standing, study.trials, digests)
    if changed:
        raise ResultsError(
            f"study {study.name}: {len(changed)} finished trials were"
            f" {next(iter(changed.values()))}; `bench run --stale` (of reference cells `bench gate"
            " --stale`) runs these again on the images that are there now, or put back the others"
        )


def check_tables(trials: Sequence[Trial]) -> None:
    """Read every table of known accuracies once. Raises ConfigurationError."""
    from bench.tabular.config import TabularConfig
    from bench.tabular.providers import oracle, tables

    for config, asks in dict.fromkeys((t.evaluation, t.asks_table) for t in trials):
        if isinstance(config, TabularConfig):
            tables(config)
            if asks:
                oracle(config, seed=0)


def check_place(store: Store, trials: int, workers: int, uri: str | None) -> Iterator[str]:
    """Warnings about where results go; raises ResultsError where they cannot."""
    free = shutil.disk_usage(store.folder).free
    needed = BASE + trials * PER_TRIAL
    if free < needed:
        raise ResultsError(
            f"{free // MIB} MiB are free for results in {store.folder}, and {trials} trials leave"
            f" about {needed // MIB} MiB: make room, or choose another place with --results"
        )
    if free < needed + workers * PER_WORKER:
        yield (
            f"warning: {free // MIB} MiB are free in {store.folder}: where checkpoints do not fit,"
            " an interrupted trial begins again"
        )
    if uri is None or uri.startswith("sqlite:///"):
        database = store.folder / DATABASE if uri is None else Path(uri.removeprefix("sqlite:///"))
        try:
            database.open("r+b").close()
        except FileNotFoundError:  # it will be made
            return
        except OSError as error:
            yield (
                f"warning: MLflow's database {database} cannot be written: {error.strerror};"
                " records are kept, and `bench sync` sends them later"
            )
