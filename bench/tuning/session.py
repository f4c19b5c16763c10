"""One `bench tune`: check everything, train settings on a pool, and keep what came of them.

results/<study>/tuning/<name>/: tuning.json is the record (every setting tried, what came of it,
what it cost); tables and figures are made from it; settings.yaml, the best settings, is written
once every group has had its whole budget.
"""

from __future__ import annotations

import contextlib
import shutil
import socket
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench import locks
from bench.errors import ConfigurationError
from bench.records.store import Store
from bench.run import beforehand, session
from bench.run.display import Display
from bench.run.progress import Board
from bench.run.worker import Workplace
from bench.study.model import Study
from bench.tabular.config import TabularConfig
from bench.tracking.runs import Tracker
from bench.tracking.store import check_uri
from bench.tuning import records
from bench.tuning.driver import Driver
from bench.tuning.groups import Work, find_groups
from bench.tuning.optuna_study import explaining
from bench.tuning.plan import DONE
from bench.tuning.plan import Settings as Settings

WriteTables = Callable[[Path, Mapping[str, Any]], Sequence[Path]]
"""(folder, the tuning's record) -> the files written."""


def run(
    study: Study,
    store: Store,
    settings: Settings,
    write_tables: WriteTables,
    display: Display | None = None,
) -> bool:
    """Tune until every group has had its budget, or time is up; whether it has.

    display: where progress is shown; by default lines on standard error. Raises ResultsError,
    ConfigurationError, DataError, LockError, TrackingError or TuningError before any training.
    """
    if any(isinstance(trial.evaluation, TabularConfig) for trial in study.trials):
        raise ConfigurationError(
            f"study {study.name}: evaluation.kind = tabular: nothing is trained, so nothing can be"
            " tuned"
        )
    check_uri(settings.tracking_uri)
    display = display or Display()
    standing = session.finished_or_error(study, store)
    groups = find_groups(study, standing, settings)
    display.note(f"{study.name}: looking at data")
    trials = [found.trial for group in groups for found in group.found]
    threads = trials[0].search.threads
    (device, *_) = settings.engine.plan(threads, len(trials))
    configs = (trial.data for trial in trials)
    data = beforehand.read_data(configs, settings.data_root, device, threads)
    beforehand.refuse_changed_data(study, standing, beforehand.list_digests(data))
    for line in beforehand.list_lines(data):
        display.say(line)
    folder = store.folder / "tuning" / settings.name
    url = settings.storage or f"sqlite:///{folder.parent / 'optuna.db'}"
    with locks.hold_run(folder), explaining(url):
        works = [Work(study, url, settings, group, data) for group in groups]
        driver = f"{socket.gethostname()}:{folder.resolve()}"
        with contextlib.ExitStack() as leases:
            for work in works:
                leases.enter_context(locks.renewing(work.tuner.begin(driver)))
            tuning = _work(study, works, settings, folder, display)
    for path in write_tables(folder, tuning):
        print(path)
    states = [row["state"] for group in tuning["groups"] for row in group["rows"]]
    left = sum(state not in DONE for state in states)
    if left:
        display.say(f"{left} of {len(states)} settings are not done; run the same command to go on")
    return not left


def _work(
    study: Study, works: Sequence[Work], settings: Settings, folder: Path, display: Display
) -> Mapping[str, Any]:
    """Train what is missing; the tuning's record."""
    tracker = Tracker(folder.parent.parent, settings.tracking_uri)
    tracker.say = display.say

    def keep(at_the_end: bool = False) -> Mapping[str, Any]:
        tuning = records.record(study, settings, works, at_the_end)
        records.write(folder, tuning)
        tracker.log_tuning(tuning)
        return tuning

    workplace = Workplace(folder / "checkpoints", settings.data_root)
    total = len(works) * settings.trials
    waiting = [
        work.name_setting(row["place"])
        for work in works
        for row in work.tuner.rows()
        if row["state"] not in DONE
    ]
    if waiting:
        threads = works[0].group.found[0].trial.search.threads
        pool = settings.engine.open(workplace, threads, len(waiting), display.say)
        display.say(f"{study.name}: {len(waiting)} of {total} settings to train on {pool.where}")
        done = total - len(waiting)
        board = Board(total, done, pool.workers, waiting, display, things="settings")
        Driver(works, pool, board, keep, settings.timeout).run()
    shutil.rmtree(workplace.folder, ignore_errors=True)  # of who was killed before it forgot
    return keep(at_the_end=True)
