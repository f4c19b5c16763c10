"""One `bench run`: check everything, run what is missing, keep MLflow and the tables up to date."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench import files
from bench.errors import ConfigurationError, ResultsError
from bench.records import gate, lock, status
from bench.records import summary as flatten
from bench.records.store import Standing, Store
from bench.run import machine
from bench.run.pool import RUN_TRIAL, groups, run_trials
from bench.run.progress import Progress
from bench.study.model import Study, Trial, stem

if TYPE_CHECKING:
    from bench.tracking.store import SyncCounts

WriteTables = Callable[[Path, Sequence[Mapping[str, Any]], Mapping[str, Any]], Sequence[Path]]
"""(folder, finished records, study's summary) -> the files written."""


class Interrupted(KeyboardInterrupt):
    """Ctrl-C during a run; the message is the one line to say about it."""


@dataclass(frozen=True)
class Settings:
    """Where and how a study is run; results depend on none of it but the device."""

    device: str = "auto"
    workers: int | None = None
    data_root: Path | None = None
    tracking_uri: str | None = None
    execute: str = RUN_TRIAL
    batch_seeds: int = 1
    stale: bool = False
    """Run trials again that another engine version made."""


def run(
    study: Study,
    store: Store,
    settings: Settings,
    write_tables: WriteTables,
    tracked: bool = True,
) -> Standing:
    """Run the study's trials that have no finished record, then write its tables.

    tracked: whether MLflow is told.

    Raises ConfigurationError, DataError or ResultsError before any trial runs, and Interrupted on
    Ctrl-C; every record written until then is kept.
    """
    store.prepare()
    with lock.held(store.folder):
        store.clear_leftovers()
        tracker = Tracker(store.folder, settings.tracking_uri, away=not tracked)
        try:
            _run_missing(study, store, settings, tracker)
            standing = store.standing(study.trials)
            tables(study, store, standing, write_tables)
            tracker.complete([*standing.finished, *standing.failed])
        except KeyboardInterrupt:
            finished = len(store.standing(study.trials).finished)
            raise Interrupted(
                f"interrupted: {finished} of {len(study.trials)} trials finished;"
                " run the same command to continue"
            ) from None
    return standing


def tables(
    study: Study, store: Store, standing: Standing, write_tables: WriteTables
) -> Sequence[Path]:
    """Write the tables of the finished trials; the files written, none where none finished."""
    if not standing.finished:
        return []
    facts = status.facts(study, store.folder, standing)
    return write_tables(store.folder, standing.finished, facts)


def run_gate(study: Study, store: Store, settings: Settings) -> dict[str, Any] | None:
    """Train the study's reference cells where that is not done, and write the verdict.

    Returns the verdict's record, or None where a training failed. Raises as `run` does, and
    ConfigurationError for a study without reference cells.
    """
    plan = study.gate
    if plan is None:
        raise ConfigurationError(
            f"study {study.name} has no reference cells, and none are known for its space: name"
            " some under gate.cells"
        )
    cells = replace(
        study,
        name=f"{study.name}/gate",
        labels=tuple(plan.cells),
        seeds=tuple(dict.fromkeys(trial.seed for trial in plan.trials)),
        trials=plan.trials,
        baseline=None,
        base=None,
        variations={},
        gate=None,
    )
    standing = run(
        cells, Store(store.folder / gate.FOLDER), settings, lambda *facts: [], tracked=False
    )
    if standing.failed or standing.missing:
        return None
    record = gate.verdict(plan, study.name, standing.finished)
    text = json.dumps(record, sort_keys=True, indent=1, ensure_ascii=False)
    files.write(store.folder / gate.FILE, text + "\n")
    return record


def finished_or_error(study: Study, store: Store) -> Standing:
    """Where the trials stand, if at least one has finished. Raises ResultsError if none has."""
    standing = store.standing(study.trials)
    if not standing.finished:
        raise _nothing(study, store, standing)
    return standing


def sync(study: Study, store: Store, uri: str | None) -> SyncCounts:
    """Send the records of the study's trials to MLflow. Raises TrackingError."""
    from bench.tracking import store as tracking

    standing = store.standing(study.trials)
    records = [*standing.finished, *standing.failed]
    if not records:
        raise _nothing(study, store, standing)
    return tracking.sync(records, store.folder, uri, files_of(store.folder))


def files_of(folder: Path) -> Callable[[Mapping[str, Any]], Sequence[Path]]:
    """What MLflow is handed of each record: a function from a record to the files of its trial."""
    return lambda record: flatten.artifacts_of(folder, stem(record["trial"]))


def check_data(trials: Sequence[Trial], root: Path | None) -> None:
    """Load every data set once, so that a missing or damaged one is known before any trial runs.

    Raises DataError.
    """
    import torch

    from bench.data.loading import load

    for config in dict.fromkeys(trial.data for trial in trials):
        load(config, root, torch.device("cpu"))


def check_tables(trials: Sequence[Trial]) -> None:
    """Read every table of known accuracies once, before any trial runs.

    Raises ConfigurationError.
    """
    from bench.tabular.config import TabularConfig
    from bench.tabular.providers import tables as tables_of

    configs = (trial.evaluation for trial in trials)
    for config in dict.fromkeys(c for c in configs if isinstance(c, TabularConfig)):
        tables_of(config)


class Tracker:
    """Sends records to MLflow; where that fails it says so, once, and does not try again."""

    def __init__(self, folder: Path, uri: str | None, away: bool = False) -> None:
        self.say: Callable[[str], None] = lambda line: print(line, file=sys.stderr)
        self._folder = folder
        self._files = files_of(folder)
        self._uri = uri
        self._away = away

    def log(self, record: Mapping[str, Any]) -> None:
        """Send one record."""
        from bench.tracking import store as tracking

        if self._away:
            return
        with self._guarded():
            tracking.log_trial(record, self._folder, self._files(record), self._uri)

    def complete(self, records: Sequence[Mapping[str, Any]]) -> None:
        """Send what was not sent before, and the drawings made since."""
        from bench.tracking import store as tracking

        if self._away:
            return
        with self._guarded():
            if pending := tracking.pending(records, self._folder, self._uri, self._files):
                tracking.sync(pending, self._folder, self._uri, self._files)

    def tuning(self, made: Mapping[str, Any]) -> None:
        """Send what a tuning has come to, as far as it has not been sent."""
        from bench.tracking import store as tracking

        if self._away:
            return
        with self._guarded():
            tracking.log_tuning(made, self._folder, self._uri)

    @contextlib.contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # whatever happens here, the trials go on
            self._away = True
            self.say(f"warning: {' '.join(str(error).split())}")


def _nothing(study: Study, store: Store, standing: Standing) -> ResultsError:
    stale = f" ({len(standing.stale)} of other configurations)" if standing.stale else ""
    return ResultsError(
        f"no record of a finished trial of study {study.name} in {store.folder}{stale};"
        f" `bench run {study.name}` makes them"
    )


def _run_missing(study: Study, store: Store, settings: Settings, tracker: Tracker) -> None:
    standing = store.standing(study.trials)
    old = status.stale(standing) if settings.stale else {}
    kept = {record["trial"]["id"] for record in standing.finished}.difference(old)
    todo = [trial for trial in study.trials if trial.id not in kept]
    if not todo:
        return
    threads = todo[0].search.threads
    together = groups(todo, settings.batch_seeds, standing.finished)
    devices = machine.devices(settings.device, settings.workers, threads, len(together))
    check_tables(todo)
    check_data(todo, settings.data_root)
    progress = Progress(len(study.trials), len(study.trials) - len(todo), len(devices), list(todo))
    where = f"{len(devices)} x {devices[0].partition(':')[0]}"
    progress.say(f"{study.name}: {len(todo)} of {len(study.trials)} trials to run on {where}")
    if settings.batch_seeds > 1 and devices[0] == "cpu":
        progress.say(
            f"--batch-seeds {settings.batch_seeds}: does not pay on a CPU (where it was measured,"
            " as fast as one after another to 1.8 times as slow); it is meant for a GPU"
        )
    tracker.say = progress.say
    try:
        run_trials(
            todo,
            store,
            progress,
            devices=devices,
            data_root=settings.data_root,
            execute=settings.execute,
            on_record=tracker.log,
            batch_seeds=settings.batch_seeds,
            finished=standing.finished,
        )
    finally:
        progress.close()
