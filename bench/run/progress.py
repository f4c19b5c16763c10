"""What a run shows while it works: a line for each worker on a terminal, few lines elsewhere."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from bench.durations import format_clock, format_duration
from bench.records.schema import FinishedRecord, RunRecord
from bench.run.display import Display
from bench.run.messages import EpochDone
from bench.study.model import Trial

LINE_EVERY = 60.0  # seconds between plain lines about trials that still run, and at least this ...
LINE_SHARE = 0.1  # ... share of the time since the start, so that a long run's log stays short
PLAIN_COLUMNS = 100  # of such a line
_AT_THE_END = {"search": "selecting", "evaluation": "measuring"}

Key = tuple[str, str]
"""What takes about the same time; of trials (label, data set)."""


class Item(NamedTuple):
    """A piece of work, by its name; short: for a drawing; key: others with it take as long."""

    name: str
    short: str
    key: Key


def average_seconds(records: Iterable[FinishedRecord]) -> dict[Key, float]:
    """What trials took, by label and data set, from their records."""
    seconds: dict[Key, list[float]] = {}
    for record in records:
        seconds.setdefault((record.trial.label, record.trial.dataset), []).append(_sum(record))
    return {key: sum(values) / len(values) for key, values in seconds.items()}


def _sum(record: FinishedRecord) -> float:
    """Seconds that a trial has computed."""
    searching = 0.0 if record.search.reused else record.search.total_seconds
    return searching + record.evaluation.total_seconds + record.evaluation.uncertainty_seconds


@dataclass
class _Mean:
    """Of numbers that are added one by one."""

    count: int = 0
    total: float = 0.0

    def add(self, number: float) -> None:
        self.count += 1
        self.total += number

    @property
    def value(self) -> float:
        return self.total / self.count


@dataclass
class _Running:
    started: float
    host: str = ""
    stage: str = "starting"
    stage_started: float = 0.0
    resumed: int = 0
    """Epochs of the stage that an earlier run had finished."""
    epoch: int = 0
    epochs: int = 0
    quality: str = ""
    """The loss or the accuracy of the last epoch."""

    def advance(self, done: EpochDone, now: float) -> None:
        """A stage has begun (epoch 0), or an epoch of it is finished."""
        if done.stage != self.stage:
            self.stage, self.stage_started, self.quality = done.stage, now, ""
            self.resumed = self.epoch = 0
        if not self.epoch:
            self.resumed = max(done.epoch - 1, 0)
        self.epoch, self.epochs = done.epoch, done.epochs
        if done.loss is not None:
            self.quality = f"loss {done.loss:.3f}"
        elif "accuracy" in done.metrics:
            self.quality = f"acc. {done.metrics['accuracy']:.3f}"

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
        return self._pace(now) * (self.epochs - self.epoch)

    def until_next_stage(self, now: float) -> float:
        """Seconds from the start to the end of the present stage, likewise."""
        if not self.epoch:
            return 0.0
        return self.stage_started - self.started + self._pace(now) * self.epochs

    def _pace(self, now: float) -> float:
        return (now - self.stage_started) / (self.epoch - self.resumed)


@dataclass
class Board:
    """Counts items of work and says where they stand. `finished` begins with those of earlier runs.

    known: seconds of items like these that ran before, for the estimate of the time left.
    """

    total: int
    finished: int
    workers: int
    waiting: Collection[Item]
    display: Display = field(default_factory=Display)
    known: Mapping[Key, float] = field(default_factory=dict)
    failed: int = 0
    things: str = "trials"
    """What the items are."""

    def __post_init__(self) -> None:
        self._running: dict[Item, _Running] = {}
        self._seconds: dict[Key, _Mean] = {}
        self._waiting = set(self.waiting)
        self._keys = Counter(item.key for item in self._waiting)
        self._last_line = time.monotonic()
        self.display.on_tick = self._tick
        self.display.show(self.draw)

    def started(self, item: Item, host: str = "") -> None:
        """A worker has taken an item, or another one has where that worker was lost.

        host: the name of another machine, where it is on one.
        """
        with self.display.lock:
            if item in self._waiting:
                self._waiting.remove(item)
                self._keys[item.key] -= 1
            self._running[item] = _Running(time.monotonic(), host)
            self.display.redraw()

    def advanced(self, item: Item, done: EpochDone) -> None:
        """An item has begun a stage or finished an epoch."""
        with self.display.lock:
            self._running[item].advance(done, time.monotonic())
            self.display.redraw()

    def ended(self, item: Item, outcome: str, failed: bool = False, computed: float = 0.0) -> None:
        """An item has ended; the outcome is said.

        computed: seconds, which are more than it was watched where it ran while nobody looked.
        """
        with self.display.lock:
            running = self._running.pop(item)
            seconds = max(time.monotonic() - running.started, computed)
            on = f" on {running.host}" if running.host else ""
            if failed:
                self.failed += 1
            else:
                self.finished += 1
                self._seconds.setdefault(item.key, _Mean()).add(seconds)
                outcome = f"{outcome}, {format_duration(seconds)}"
            left = "" if self.display.is_terminal else f"; {self.time_left()}"
            done = self.finished + self.failed
            self.display.say(f"[{done}/{self.total}] {item.name}{on}: {outcome}{left}")
            self._last_line = time.monotonic()

    def time_left(self) -> str:
        """An estimate of what is left of the run, from items that have finished."""
        now = time.monotonic()
        if not self._running and not self._waiting:
            return "done"
        means = self._means()
        if not means:
            return f"time left known after the first {self.things[:-1]}"
        other = sum(means.values()) / len(means)

        for item, running in self._running.items():  # the first of their kind
            if item.key not in means:
                means[item.key] = max(other, running.until_next_stage(now))

        def expect(key: Key) -> float:
            return means.get(key, other)

        seconds = sum(count * expect(key) for key, count in self._keys.items())
        for item, running in self._running.items():
            seconds += max(expect(item.key) - (now - running.started), running.stage_left(now))
        workers = min(self.workers, len(self._waiting) + len(self._running))
        return f"about {format_duration(seconds / max(workers, 1))} left"

    def draw(self, columns: int) -> list[str]:
        """What a terminal shows: the run in a line, and a line for each item that runs."""
        done = self.finished + self.failed
        filled = 12 * done // max(self.total, 1)
        failed = f", {self.failed} failed" if self.failed else ""
        lines = [
            f"[{'#' * filled}{'.' * (12 - filled)}] {done}/{self.total} {self.things}{failed}"
            f"  {format_clock(self.display.elapsed)}  {self.time_left()}"
        ]
        width = max(12, columns - 46)
        now = time.monotonic()
        for item, running in self._running.items():
            on = f" @{running.host}" if running.host else ""
            name = _shorten(item.short + on, width)
            since = format_clock(now - running.started)
            lines.append(f"  {name:{width}}  {running.doing:18}  {running.quality:11} {since:>7}")
        return lines

    def _means(self) -> dict[Key, float]:
        """Seconds of an item by key: of this run, else of earlier ones."""
        return {**self.known, **{key: mean.value for key, mean in self._seconds.items()}}

    def _tick(self) -> None:
        """Say now and then how far it is where nothing can be drawn."""
        now = time.monotonic()
        pause = max(LINE_EVERY, LINE_SHARE * self.display.elapsed)
        if self.display.is_terminal or not self._running or now - self._last_line < pause:
            return
        self._last_line = now
        running = ", ".join(f"{item.short} {r.doing}" for item, r in self._running.items())
        done = f"[{self.finished + self.failed}/{self.total}]"
        clock = format_clock(self.display.elapsed)
        self.display.say(_shorten(f"{done} {clock}, {self.time_left()}; {running}", PLAIN_COLUMNS))


class Progress:
    """A board of the trials of a run."""

    def __init__(
        self,
        total: int,
        finished: int,
        workers: int,
        waiting: Collection[Trial],
        display: Display | None = None,
        known: Mapping[Key, float] | None = None,
    ) -> None:
        """total, ...: see `Board`."""
        several = len({trial.dataset for trial in waiting}) > 1
        self._items = {trial: _describe(trial, several) for trial in waiting}
        self.display = display or Display()
        items = list(self._items.values())
        self._board = Board(total, finished, workers, items, self.display, known or {})

    def started(self, trial: Trial, host: str = "") -> None:
        """A worker has taken a trial; see `Board.started`."""
        self._board.started(self._items[trial], host)

    def advanced(self, trial: Trial, done: EpochDone) -> None:
        """A trial has begun a stage or finished an epoch."""
        self._board.advanced(self._items[trial], done)

    def ended(self, trial: Trial, record: RunRecord) -> None:
        """A trial has left its record."""
        if isinstance(record, FinishedRecord):
            evaluation = record.evaluation
            outcome = f"{evaluation.accuracy_name} {evaluation.test.accuracy:.4f}"
            if evaluation.width is not None:
                outcome += (
                    f" ({evaluation.width.channels} channels, {evaluation.parameters:,} of at most"
                    f" {evaluation.width.budget:,} parameters)"
                )
            self._board.ended(self._items[trial], outcome, computed=_sum(record))
        else:
            error = record.error
            outcome = f"FAILED in {error.stage}: {error.type}: {error.message}"
            self._board.ended(self._items[trial], outcome, failed=True)

    def time_left(self) -> str:
        """An estimate of what is left of the run."""
        return self._board.time_left()


def _describe(trial: Trial, several: bool) -> Item:
    """several: data sets are there."""
    short = f"{trial.label} s{trial.seed}" + (f" {trial.dataset}" if several else "")
    return Item(str(trial), short, (trial.label, trial.dataset))


def _shorten(text: str, columns: int) -> str:
    return text if len(text) <= columns else f"{text[: columns - 2]}.."
