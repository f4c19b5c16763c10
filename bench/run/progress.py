"""What a run shows while it works: a bar on a terminal, plain lines elsewhere (on stderr)."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field
from typing import Any, TextIO

from tqdm import tqdm

from bench.records.schema import FinishedRecord, RunRecord
from bench.run.messages import EpochDone
from bench.study.model import Trial

LINE_EVERY = 60.0  # seconds between plain lines about trials that still run


@dataclass
class _Running:
    started: float
    heard: float
    stage: str = "starting"
    stage_started: float = 0.0
    epoch: int = 0
    epochs: int = 0

    def __str__(self) -> str:
        return f"{self.stage} {self.epoch}/{self.epochs}" if self.epochs else self.stage

    def stage_left(self, now: float) -> float | None:
        """Seconds left of the present stage, from its epochs so far."""
        if not self.epoch:
            return None
        return (now - self.stage_started) / self.epoch * (self.epochs - self.epoch)


@dataclass
class Progress:
    """Counts trials and says where they stand. `finished` begins with those of earlier runs."""

    total: int
    finished: int
    workers: int
    waiting: list[Trial]
    stream: TextIO = field(default_factory=lambda: sys.stderr)
    failed: int = 0

    def __post_init__(self) -> None:
        self._running: dict[Trial, _Running] = {}
        self._seconds: dict[str, list[float]] = {}
        self._last_line = time.monotonic()
        self._bar: tqdm[Any] | None = None
        if self.stream.isatty():
            self._bar = tqdm(
                total=self.total,
                initial=self.finished,
                file=self.stream,
                dynamic_ncols=True,
                bar_format="{n_fmt}/{total_fmt} trials |{bar:12}| {elapsed}{postfix}",
            )

    def started(self, trial: Trial) -> None:
        """A worker has taken a trial."""
        self.waiting.remove(trial)
        now = time.monotonic()
        self._running[trial] = _Running(now, now)
        self._show()

    def advanced(self, trial: Trial, done: EpochDone) -> None:
        """A trial has finished an epoch."""
        running, now = self._running[trial], time.monotonic()
        if done.stage != running.stage:  # it began where the last was heard of
            running.stage, running.stage_started = done.stage, running.heard
        running.heard, running.epoch, running.epochs = now, done.epoch, done.epochs
        self._show()

    def ended(self, trial: Trial, record: RunRecord) -> None:
        """A trial has left its record."""
        seconds = time.monotonic() - self._running.pop(trial).started
        if isinstance(record, FinishedRecord):
            self.finished += 1
            self._seconds.setdefault(trial.label, []).append(seconds)
            accuracy = record.evaluation.test.accuracy
            outcome = f"{record.evaluation.accuracy_name} {accuracy:.4f}, {_duration(seconds)}"
        else:
            self.failed += 1
            error = record.error
            outcome = f"FAILED in {error.stage}: {error.type}: {error.message}"
        left = "" if self._bar is not None else f"; {self.time_left()}"
        done = self.finished + self.failed
        self.say(f"[{done}/{self.total}] {trial}: {outcome}{left}")
        if self._bar is not None:
            self._bar.update(1)
        self._last_line = time.monotonic()
        self._show()

    def say(self, line: str, stream: TextIO | None = None) -> None:
        """A line of its own, above the bar if there is one; `stream`: where else it goes."""
        if self._bar is not None:
            self._bar.write(line, file=stream or self.stream)
        else:
            print(line, file=stream or self.stream, flush=True)

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.leave = False
            self._bar.close()

    def time_left(self) -> str:
        """An estimate from the trials of this run that have finished, by method."""
        now = time.monotonic()
        if not self._running and not self.waiting:
            return "done"
        if self._seconds:
            seconds = sum(self._expected(trial) for trial in self.waiting)
            for trial, running in self._running.items():
                seconds += max(self._expected(trial) - (now - running.started), 0.0)
            workers = min(self.workers, len(self.waiting) + len(self._running))
            return f"about {_duration(seconds / max(workers, 1))} left"
        stages = [left for r in self._running.values() if (left := r.stage_left(now)) is not None]
        if stages:
            return f"this stage about {_duration(max(stages))} more"
        return "time left not known yet"

    def _expected(self, trial: Trial) -> float:
        seconds = self._seconds.get(trial.label) or [
            value for values in self._seconds.values() for value in values
        ]
        return sum(seconds) / len(seconds)

    def _show(self) -> None:
        status = "; ".join(f"{t.label} s{t.seed} {r}" for t, r in self._running.items())
        if self._bar is not None:
            self._bar.set_postfix_str(f"{self.time_left()}; {status}")
        elif time.monotonic() - self._last_line > LINE_EVERY:
            self._last_line = time.monotonic()
            done = self.finished + self.failed
            self.say(f"[{done}/{self.total}] running: {status}; {self.time_left()}")


def _duration(seconds: float) -> str:
    """Seconds as people say them: 8 s, 3 min, 2.5 h."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
