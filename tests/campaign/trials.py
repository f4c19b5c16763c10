"""A trial as the campaign's worker processes run it: the product's own, checkpointed and logged.

Every epoch is checkpointed (the product does so every 15 seconds) and noted in the file that
CAMPAIGN_LOG names: "process trial begun" and "process trial stage epoch". CAMPAIGN_MEMORY is a
label: its trials get no more memory than their process has when they begin. CAMPAIGN_HOLD is a
file: while it is there, trials wait after the first epoch of their evaluation.
"""

from __future__ import annotations

import contextlib
import os
import resource
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch

from bench.records.schema import FinishedRecord
from bench.run.messages import Done, EpochDone
from bench.run.trial import run_trial
from bench.study.model import Trial
from bench.training import checkpoint


def run(
    trial: Trial,
    *,
    device: torch.device,
    data_root: Path | None,
    folder: Path,
    report: Callable[[EpochDone], None],
    found: FinishedRecord | None = None,
) -> Done:
    """`bench.run.trial.run_trial`."""
    checkpoint.SECONDS_BETWEEN = 0.0

    def note_and_report(progress: EpochDone) -> None:
        if progress.epoch:  # 0: the stage has only begun
            _note(f"{trial.stem} {progress.stage} {progress.epoch}")
        report(progress)
        if (progress.stage, progress.epoch) == ("evaluation", 1):
            _wait_while_held()

    _note(f"{trial.stem} begun")
    limited = os.environ.get("CAMPAIGN_MEMORY") == trial.label
    with _no_more_memory() if limited else contextlib.nullcontext():
        return run_trial(
            trial, device=device, data_root=data_root, folder=folder, report=note_and_report,
            found=found,
        )  # fmt: skip


def _note(text: str) -> None:
    log = os.open(os.environ["CAMPAIGN_LOG"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(log, f"{os.getpid()} {text}\n".encode())
    os.close(log)


def _wait_while_held() -> None:
    held = os.environ.get("CAMPAIGN_HOLD")
    while held and Path(held).exists():
        time.sleep(0.05)


@contextlib.contextmanager
def _no_more_memory() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize(), before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
