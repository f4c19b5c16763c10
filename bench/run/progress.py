"""What a run shows while it works: a line for each worker on a terminal, few lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from bench.records.schema import FinishedRecord, RunRecord
from bench.run.display import Display
from bench.run.durations import format_clock, format_duration
from bench.run.messages import EpochDone
from bench.study.model import Trial

LINE_EVERY = 60.0  # seconds between plain lines about trials that still run, and at least this ...
LINE_SHARE = 0.1  # ... share of the time since the start, so that a long run's log stays short
PLAIN_COLUMNS = 100  # of such a line
_AT_THE_END = {"search": "selecting", "evaluation": "measuring"}

Key = tuple[str, str]
"""Trials that take about the same time: (label, data set)."""


def average_seconds(records: Iterable[FinishedRecord]) -> dict[Key, float]:
    """What trials took, by label and data set, from their records."""
    seconds: dict[Key, list[float]] = {}
    for record in records:
        searching = 0.0 if record.search.reused else record.search.total_seconds
        both = searching + record.evaluation.total_seconds
        seconds.setdefault((record.trial.label, record.trial.dataset), []).append(both)
    return {key: sum(values) / len(values) for key, values in seconds.items()}


@dataclass
class _Running:
    started: float
    stage: str = "starting"
    stage_started: float = 0.0
    resumed: int = 0
    """Epochs of the stage that an earlier run had finished."""
    epoch: int = 0
    epochs: int = 0
    loss: float | None = None

    def advance(self, done: EpochDone, now: float) -> None:
        """A stage has begun (epoch 0), or an epoch of it is finished."""
        if done.stage != self.stage:
            self.stage, self.stage_started, self.loss = done.stage, now, None
            self.resumed = self.epoch = 0
        if not self.epoch:
            self.resumed = max(done.epoch - 1, 0)
        self.epoch, self.epochs = done.epoch, done.epochs
        self.loss = self.loss if done.loss is None else done.loss

    @property
    def doing(self) -> str:
        """Stage and epoch: "search 3/10"."""
        if not self.epochs:
            return self.stage
        if self.epoch == self.epochs:
            return _AT_THE_END.get(self.stage, self.stage)
        return f"{self.stage} {self.epoch}/{self.epochs}"

    def stage_left(self, now: float) -> float:
        """Seconds left of the present stage, from its epochs so far; 0 where nothing is known."""
        if not self.epoch:
            return 0.0
        pace = (now - self.stage_started) / (self.epoch - self.resumed)
        return pace * (self.epochs - self.epoch)


@dataclass
class Progress:
    """Counts trials and says where they stand. `finished` begins with those of earlier runs.

    known: seconds of trials like these that ran before, for the estimate of the time left.
    """

    total: int
    finished: int
    workers: int
    waiting: list[Trial]
    display: Display = field(default_factory=Display)
    known: Mapping[Key, float] = field(default_factory=dict)
    failed: int = 0

    def __post_init__(self) -> None:
        self._running: dict[Trial, _Running] = {}
        self._seconds: dict[Key, list[float]] = {}
        self._last_line = time.monotonic()
        several = len({trial.dataset for trial in self.waiting}) > 1
        self._names = {
            trial: f"{trial.label} s{trial.seed}" + (f" {trial.dataset}" if several else "")
            for trial in self.waiting
        }
        self.display.on_tick = self._tick
        self.display.show(self.draw)

    def started(self, trial: Trial) -> None:
        """A worker has taken a trial."""
        with self.display.lock:
            self.waiting.remove(trial)
            self._running[trial] = _Running(time.monotonic())
            self.display.redraw()

    def advanced(self, trial: Trial, done: EpochDone) -> None:
        """A trial has begun a stage or finished an epoch."""
        with self.display.lock:
            self._running[trial].advance(done, time.monotonic())
            self.display.redraw()

    def ended(self, trial: Trial, record: RunRecord) -> None:
        """A trial has left its record."""
        with self.display.lock:
            seconds = time.monotonic() - self._running.pop(trial).started
            if isinstance(record, FinishedRecord):
                self.finished += 1
                self._seconds.setdefault((trial.label, trial.dataset), []).append(seconds)
                accuracy, name = record.evaluation.test.accuracy, record.evaluation.accuracy_name
                outcome = f"{name} {accuracy:.4f}, {format_duration(seconds)}"
            else:
                self.failed += 1
                error = record.error
                outcome = f"FAILED in {error.stage}: {error.type}: {error.message}"
            left = "" if self.display.is_terminal else f"; {self.time_left()}"
            done = self.finished + self.failed
            self.display.say(f"[{done}/{self.total}] {trial}: {outcome}{left}")
            self._last_line = time.monotonic()

    def time_left(self) -> str:
        """An estimate of what is left of the run, from trials that have finished."""
        now = time.monotonic()
        if not self._running and not self.waiting:
            return "done"
        means = self._means()
        if not means:
            return "time left known after the first trial"
        other = sum(means.values()) / len(means)

        def expect(trial: Trial) -> float:
            return means.get((trial.label, trial.dataset), other)

        seconds = sum(map(expect, self.waiting))
        for trial, running in self._running.items():
            seconds += max(expect(trial) - (now - running.started), running.stage_left(now))
        workers = min(self.workers, len(self.waiting) + len(self._running))
        return f"about {format_duration(seconds / max(workers, 1))} left"

    def draw(self, columns: int) -> list[str]:
        """What a terminal shows: the run in a line, and a line for each trial that runs."""
        done = self.finished + self.failed
        filled = 12 * done // max(self.total, 1)
        failed = f", {self.failed} failed" if self.failed else ""
        lines = [
            f"[{'#' * filled}{'.' * (12 - filled)}] {done}/{self.total} trials{failed}"
            f"  {format_clock(self.display.elapsed)}  {self.time_left()}"
        ]
        width = max(12, columns - 46)
        now = time.monotonic()
        for trial, running in self._running.items():
            loss = "" if running.loss is None else f"loss {running.loss:.3f}"
            name = _shorten(self._names[trial], width)
            since = format_clock(now - running.started)
            lines.append(f"  {name:{width}}  {running.doing:18}  {loss:11} {since:>7}")
        return lines

    def _means(self) -> dict[Key, float]:
        """Seconds of a trial by label and data set: of this run, else of earlier ones."""
        return {**self.known, **{key: sum(v) / len(v) for key, v in self._seconds.items()}}

    def _tick(self) -> None:
        """Say now and then how far it is where nothing can be drawn."""
        now = time.monotonic()
        pause = max(LINE_EVERY, LINE_SHARE * self.display.elapsed)
        if self.display.is_terminal or not self._running or now - self._last_line < pause:
            return
        self._last_line = now
        running = ", ".join(f"{self._names[t]} {r.doing}" for t, r in self._running.items())
        done = f"[{self.finished + self.failed}/{self.total}]"
        clock = format_clock(self.display.elapsed)
        self.display.say(_shorten(f"{done} {clock}, {self.time_left()}; {running}", PLAIN_COLUMNS))


def _shorten(text: str, columns: int) -> str:
    return text if len(text) <= columns else f"{text[: columns - 2]}.."
