"""One `bench tune`: the work, alone or beside other processes, and what is left of it.

results/<study>/tuning/<name>/: tuning.json is the record (every setting tried, what came of it,
what it cost); tables and figures are made from it; settings.yaml, the best settings, is written
once every group has had its whole budget.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.errors import ConfigurationError
from bench.records.store import Store
from bench.run import beforehand, environment, machine, session
from bench.study.model import Study
from bench.tabular.config import TabularConfig
from bench.tracking.runs import Tracker
from bench.tuning import helpers, records
from bench.tuning.groups import Work, find_groups
from bench.tuning.plan import Row
from bench.tuning.plan import Settings as Settings

WriteTables = Callable[[Path, Mapping[str, Any]], Sequence[Path]]
"""(folder, the tuning's record) -> the files written; a module's function, to be sent (pickled)."""
POLL = 2.0  # seconds between looks at what other processes do


def run(study: Study, store: Store, settings: Settings, write_tables: WriteTables) -> bool:
    """Tune until every group has had its budget, or time is up; whether it has.

    Raises ResultsError, ConfigurationError, DataError or TuningError before any training.
    """
    import torch

    from bench.data.loading import load
    from bench.run.trial import set_up

    if any(isinstance(trial.evaluation, TabularConfig) for trial in study.trials):
        raise ConfigurationError(
            f"study {study.name}: evaluation.kind = tabular: nothing is trained, so nothing can be"
            " tuned"
        )
    standing = session.finished_or_error(study, store)
    groups = find_groups(study, standing, settings)
    device = torch.device(machine.devices(settings.device, 1, 1, 1)[0])
    configs = {found.trial.dataset: found.trial.data for group in groups for found in group.found}
    data = {
        name: load(config, settings.data_root, device).search for name, config in configs.items()
    }
    digests = {configs[name]: split.digest for name, split in data.items()}
    beforehand.refuse_changed_data(study, standing, digests)
    set_up(groups[0].found[0].trial.search.threads)
    work = [Work(study, store, settings, group, data) for group in groups]
    folder = store.folder / "tuning" / settings.name
    tracker = Tracker(store.folder, settings.tracking_uri)
    tracker.say(f"{study.name}: {settings.trials} settings for each of {len(groups)} group(s)")

    def write_record() -> dict[str, Any]:
        tuning = records.record(study, settings, work, environment.describe(device))
        records.write(folder, tuning)
        return tuning

    alone = replace(settings, workers=1)
    with helpers.working(settings.workers - 1, run, study, store, alone, write_tables):
        try:
            _work(work, settings, tracker, write_record)
        finally:
            tuning = write_record()
    tracker.log_tuning(tuning)
    for path in write_tables(folder, tuning):
        print(path)
    left = sum(not row.done for part in work for row in part.tuner.rows())
    if left:
        tracker.say(f"{left} settings are not done; run the same command to go on")
    return not left


def _work(
    work: Sequence[Work],
    settings: Settings,
    tracker: Tracker,
    write_record: Callable[[], Mapping[str, Any]],
) -> None:
    begun = time.monotonic()
    waited = False
    while settings.timeout is None or time.monotonic() - begun < settings.timeout:
        free = ((part, part.tuner.find_free_place()) for part in work)
        attempt = next(((part, place) for part, place in free if place is not None), None)
        if attempt is None:
            if not any(row.state == "running" for part in work for row in part.tuner.rows()):
                return
            if not waited:
                tracker.say("all settings are taken; waiting for the other processes to finish")
            waited = True
            time.sleep(POLL)
            continue
        part, place = attempt
        row = part.tuner.attempt(place, part.objective)
        if row is not None:
            tracker.say(_describe(part, row))
            tracker.log_tuning(write_record())


def _describe(part: Work, row: Row) -> str:
    rows = part.tuner.rows()
    outcome = {
        "complete": f"validation accuracy {row.values[0]:.4f}" if row.values else "",
        "pruned": f"pruned after {len(row.steps)} of {part.plan.steps} epochs",
    }.get(row.state, f"{row.state}: {row.error}")
    best = max((other.values[0] for other in rows if other.values), default=None)
    so_far = "" if best is None else f"; best {best:.4f}"
    done = sum(other.done for other in rows)
    return f"[{part.group}: {done}/{part.plan.trials}] {outcome}, {row.seconds:.0f} s{so_far}"
