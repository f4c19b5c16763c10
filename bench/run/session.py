"""One `bench run`: check everything, run what is missing, keep MLflow and the tables up to date."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench import locks
from bench.cluster.file import Cluster
from bench.errors import ConfigurationError, ResultsError, one_line
from bench.records import facts, gate, origin, population, status
from bench.records.facts import StudyFacts
from bench.records.schema import FinishedRecord, RunRecord
from bench.records.store import Standing, Store
from bench.records.transfer import changes
from bench.run import beforehand
from bench.run.display import Display
from bench.run.engines import Engine
from bench.run.progress import Progress, average_seconds
from bench.run.schedule import RUN_TRIAL, Schedule, run_trials
from bench.run.worker import Workplace
from bench.study import tuned_settings
from bench.study.model import Study, Trial
from bench.tracking import runs
from bench.tracking.machine_metrics import MachineMetrics
from bench.tracking.runs import SyncCounts, Tracker
from bench.tracking.store import DATABASE

WriteTables = Callable[[Path, Sequence[FinishedRecord], StudyFacts], Sequence[Path]]
"""(folder, finished records, the study's facts) -> the files written."""


class Interrupted(KeyboardInterrupt):
    """Ctrl-C during a run; the message is the one line to say about it."""


@dataclass(frozen=True)
class Settings:
    """Where and how a study is run; results depend on none of it but the device."""

    device: str = "auto"
    workers: int | None = None
    cluster: Cluster | None = None
    """Where trials run; None: on this machine."""
    data_root: Path | None = None
    tracking_uri: str | None = None
    execute: str = RUN_TRIAL
    system_metrics: bool = False
    """Sample what the machine does while trials run, for MLflow."""
    stale: bool = False
    """Run trials again that another engine version made."""
    evaluation: Path | None = None
    """Settings of `bench tune` that the folder of results keeps from now on."""

    @property
    def engine(self) -> Engine:
        """What runs the trials."""
        return Engine(self.device, self.workers, self.cluster)

    def first_device(self, trials: Sequence[Trial]) -> str:
        """The kind of device of the first of these trials; cpu where there are none."""
        if not trials:
            return "cpu"
        return self.engine.plan(trials[0].search.threads, len(trials))[0]


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

    Raises ConfigurationError, DataError, ResultsError, LockError or (where the machine cannot be
    sampled) TrackingError before any trial runs, and Interrupted on Ctrl-C; every record written
    until then is kept. Raises ResultsError after the trials where a record or the tables cannot be
    written.
    """
    display = display or Display()
    store.prepare()
    with locks.hold_run(store.folder):
        store.clear_leftovers()
        origin.keep(study, store.folder)
        tracker = Tracker(store.folder, settings.tracking_uri, away=not tracked)
        tracker.say = display.say
        try:
            _run_missing(study, store, settings, tracker, display)
            display.note("writing tables and figures")
            standing = store.standing(study.trials)
            problem = _attempt_tables(study, store, standing, write_tables)
            if tracked:
                display.note("sending records to MLflow")
            tracker.complete(standing.recorded)
        except KeyboardInterrupt:
            finished = len(store.standing(study.trials).finished)
            raise Interrupted(
                f"interrupted: {finished} of {len(study.trials)} trials finished;"
                " run the same command to continue"
            ) from None
    if problem is not None:
        raise ResultsError(
            f"{study.name}: all records are written, but not all tables and figures:"
            f" {one_line(problem)}; `bench analyze` writes them again"
        ) from problem
    return standing


def _attempt_tables(
    study: Study, store: Store, standing: Standing, write_tables: WriteTables
) -> Exception | None:
    """Write the tables; what prevented it does not keep the records from MLflow."""
    try:
        write_study_tables(study, store, standing, write_tables)
    except Exception as error:
        return error
    return None


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
        origin=None,
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


def send_tables(records: Sequence[RunRecord], folder: Path) -> None:
    """Bring the MLflow store in a folder of results, if it has one, up to its tables and figures.

    What cannot be sent is said on standard error.
    """
    if (folder / DATABASE).exists():
        Tracker(folder, None).complete(records)


def _no_record(study: Study, store: Store, standing: Standing) -> ResultsError:
    stale = f" ({len(standing.stale)} of other configurations)" if standing.stale else ""
    return ResultsError(
        f"no record of a finished trial of study {study.name} in {store.folder}{stale};"
        f" `bench run {study.name}` makes them"
    )


def _run_missing(
    study: Study, store: Store, settings: Settings, tracker: Tracker, display: Display
) -> None:
    standing = store.standing(study.trials)
    unfinished = standing.list_unfinished(study.trials)
    data = beforehand.check_data(
        study,
        standing,
        unfinished,
        settings.data_root,
        settings.first_device(unfinished),
        stale=settings.stale,
    )
    if settings.evaluation is not None:  # a run that is refused has replaced nothing
        tuned_settings.adopt(settings.evaluation, store.folder)
    digests = beforehand.list_digests(data)
    old = status.find_stale(standing, study.trials, digests) if settings.stale else {}
    kept = {r.trial.key: r for r in standing.finished if r.trial.key not in old}
    workplace = Workplace(store.folder / "checkpoints", settings.data_root)
    for record in kept.values():
        workplace.forget(
            record.trial.stem
        )  # of a run that was killed just as it had written the record
    todo = [trial for trial in study.trials if trial.key not in kept]
    for line in changes.describe(study, [*standing.recorded, *standing.stale]):
        display.say(line)
    if not todo:
        return
    display.note(f"{study.name}: looking at devices and data")
    beforehand.check_tables(todo)
    beforehand.check_parameters(todo, data)
    beforehand.check_corruptions(todo)
    outside = beforehand.check_outside(todo, data, settings.data_root)
    threads = todo[0].search.threads
    pool = settings.engine.open(workplace, threads, len(todo), display.say)
    try:
        uri = settings.tracking_uri
        warnings = list(beforehand.check_place(store, len(todo), pool.workers, uri))
        if settings.system_metrics:
            tracker.machine = MachineMetrics()
    except BaseException:  # nothing has begun, but a cluster may have been joined
        pool.close()
        raise
    count = f"{study.name}: {len(todo)} of {len(study.trials)} trials to run on {pool.where}"
    for line in (*beforehand.list_lines(data), *outside, count, *warnings):
        display.say(line)
    progress = Progress(
        len(study.trials),
        len(study.trials) - len(todo),
        pool.workers,
        list(todo),
        display,
        average_seconds(standing.finished),
    )
    schedule = Schedule(todo, list(kept.values()), settings.execute)
    try:
        run_trials(schedule, pool, store, progress, tracker.log)
    finally:
        if tracker.machine is not None:
            tracker.machine.close()
