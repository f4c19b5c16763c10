"""`run_trials` on worker processes of this machine, with trials that take milliseconds."""

from __future__ import annotations

import io
from collections.abc import Sequence

from bench.records.schema import FinishedRecord, RunRecord
from bench.records.store import Store
from bench.run.display import Display
from bench.run.pool import LocalPool
from bench.run.progress import Progress
from bench.run.schedule import Schedule, run_trials
from bench.run.worker import Workplace
from bench.study.model import Trial


def run_all(
    trials: Sequence[Trial],
    store: Store,
    *,
    workers: int = 1,
    execute: str = "support.tiny_trials:run",
    finished: Sequence[FinishedRecord] = (),
) -> tuple[list[RunRecord], list[str]]:
    """(records in the order of writing, lines said)."""
    said, records = io.StringIO(), list[RunRecord]()
    total, display = len(trials) + len(finished), Display(said)
    progress = Progress(total, len(finished), workers, list(trials), display)
    schedule = Schedule(trials, finished, execute)
    pool = LocalPool(["cpu"] * workers, Workplace(store.folder / "checkpoints"))
    run_trials(schedule, pool, store, progress, records.append)
    return records, said.getvalue().splitlines()
