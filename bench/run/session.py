"""One `bench run`: check everything, run what is missing, keep MLflow and the tables up to date."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench import locks
from bench.errors import ConfigurationError, ResultsError
from bench.records import facts, gate, population, status
from bench.records.facts import StudyFacts
from bench.records.schema import FinishedRecord
from bench.records.store import Standing, Store
from bench.run import machine
from bench.run.display import Display
from bench.run.pool import LocalPool
from bench.run.progress import Progress, average_seconds
from bench.run.schedule import Schedule, run_trials
from bench.run.worker import RUN_TRIAL, Workplace
from bench.study.model import Study, Trial
from bench.tracking import runs
from bench.tracking.runs import SyncCounts, Tracker

WriteTables = Callable[[Path, Sequence[FinishedRecord], StudyFacts], Sequence[Path]]
"""(folder, finished records, the study's facts) -> the files written."""


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
    stale: bool = False
    """Run trials again that another engine version made."""


def run(
    study: Study,
    store: Store,
    settings: Settings,
    write_tables: WriteTables,
    tracked: bool = True,
    display: Display | None = None,
) -> Standing:
    """Run the study's trials that have no finished record, then write its tables.

    tracked: whether MLflow is told. display: where progress is shown; by default lines on standard
    error.

    Raises ConfigurationError, DataError, ResultsError or LockError before any trial runs, and
    Interrupted on Ctrl-C; every record written until then is kept.
    """
    display = display or Display()
    store.prepare()
    with locks.hold_run(store.folder):
        store.clear_leftovers()
        tracker = Tracker(store.folder, settings.tracking_uri, away=not tracked)
        tracker.say = display.say
        try:
            _run_missing(study, store, settings, tracker, display)
            display.note("writing tables and figures")
            standing = store.standing(study.trials)
            write_study_tables(study, store, standing, write_tables)
            if tracked:
                display.note("sending records to MLflow")
            tracker.complete(standing.recorded)
        except KeyboardInterrupt:
            finished = len(store.standing(study.trials).finished)
            raise Interrupted(
                f"interrupted: {finished} of {len(study.trials)} trials finished;"
                " run the same command to continue"
            ) from None
    return standing


def write_study_tables(
    study: Study, store: Store, standing: Standing, write_tables: WriteTables
) -> Sequence[Path]:
    """Write the tables of the finished trials; the files written, none where none finished."""
    if not standing.finished:
        return []
    population.write(store.folder, [trial.evaluation for trial in study.trials])
    known = facts.collect(study, store.folder, standing)
    return write_tables(store.folder, standing.finished, known)


def run_gate(
    study: Study, store: Store, settings: Settings, display: Display | None = None
) -> gate.Verdict | None:
    """Train the study's reference cells where that is not done, and write the verdict.

    Returns the verdict, or None where a training failed. Raises as `run` does, and
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
    place = Store(store.folder / gate.FOLDER)
    standing = run(cells, place, settings, lambda *facts: [], tracked=False, display=display)
    if standing.failed or standing.missing:
        return None
    verdict = gate.decide(plan, study.name, standing.finished)
    gate.write(store.folder, verdict)
    return verdict


def finished_or_error(study: Study, store: Store) -> Standing:
    """Where the trials stand, if at least one has finished. Raises ResultsError if none has."""
    standing = store.standing(study.trials)
    if not standing.finished:
        raise _no_record(study, store, standing)
    return standing


def sync(study: Study, store: Store, uri: str | None) -> SyncCounts:
    """Send the records of the study's trials to MLflow. Raises TrackingError."""
    standing = store.standing(study.trials)
    if not standing.recorded:
        raise _no_record(study, store, standing)
    return runs.sync(standing.recorded, store.folder, uri)


def _no_record(study: Study, store: Store, standing: Standing) -> ResultsError:
    stale = f" ({len(standing.stale)} of other configurations)" if standing.stale else ""
    return ResultsError(
        f"no record of a finished trial of study {study.name} in {store.folder}{stale};"
        f" `bench run {study.name}` makes them"
    )


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
    from bench.tabular.providers import oracle, tables

    for config, asks in dict.fromkeys((t.evaluation, t.asks_table) for t in trials):
        if isinstance(config, TabularConfig):
            tables(config)
            if asks:
                oracle(config, seed=0)


def _run_missing(
    study: Study, store: Store, settings: Settings, tracker: Tracker, display: Display
) -> None:
    standing = store.standing(study.trials)
    old = status.find_stale(standing) if settings.stale else {}
    kept = {r.trial.id: r for r in standing.finished if r.trial.id not in old}
    todo = [trial for trial in study.trials if trial.id not in kept]
    if not todo:
        return
    display.note(f"{study.name}: looking at devices and data")
    threads = todo[0].search.threads
    devices = machine.devices(settings.device, settings.workers, threads, len(todo))
    check_tables(todo)
    check_data(todo, settings.data_root)
    where = f"{len(devices)} x {devices[0].partition(':')[0]}"
    display.say(f"{study.name}: {len(todo)} of {len(study.trials)} trials to run on {where}")
    progress = Progress(
        len(study.trials),
        len(study.trials) - len(todo),
        len(devices),
        list(todo),
        display,
        average_seconds(standing.finished),
    )
    workplace = Workplace(store.folder / "checkpoints", settings.data_root, settings.execute)
    schedule = Schedule(todo, list(kept.values()))
    run_trials(schedule, LocalPool(devices, workplace), store, progress, tracker.log)
