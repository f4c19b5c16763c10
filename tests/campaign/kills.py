"""SIGKILL of a command's whole process group at random moments, until it has ended by itself."""

from __future__ import annotations

import random
import shutil
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from campaign import comparing
from campaign.commands import TRIALS, Ended, Place, Running
from campaign.outcome import Deadline, Part

EXPECTED = (
    "the same command goes on; records are whole and equal an unbroken run's to the bit; nothing is"
    " trained twice, blocked or left behind"
)
ALWAYS = ("--device", "cpu", "--results", "results")
EARLY = 0.2  # share of the kills that come while the command still starts


@dataclass(frozen=True)
class Command:
    """A verb and its arguments. records: the folder in which it keeps records of trials."""

    verb: str
    arguments: tuple[str, ...]
    records: str

    def start(self, place: Place) -> Running:
        """Start it in a place."""
        return place.start(self.verb, *ALWAYS, *self.arguments)


RUN = Command("run", ("--workers", "2"), "records")
GATE = Command("gate", ("--workers", "2"), "gate/records")
SETTINGS = 4
"""Of a tuning; the first six do not depend on the order in which others finish."""
TUNE = Command(
    "tune",
    ("--workers", "2", "--trials", str(SETTINGS), "--epochs", "1", "--pruner", "none"),
    "records",
)


@dataclass(frozen=True)
class Unbroken:
    """What a command leaves that nothing interrupts, and how long it takes.

    starting: seconds until it says its first line, when it begins to work.
    """

    command: Command
    place: Place
    status: int
    results: dict[str, Any]
    starting: float
    seconds: float

    def new_place(self, folder: Path, finished: bool = False) -> Place:
        """Where a command can be run anew; with records, for gate and tune or where asked for."""
        place = Place(folder, self.place.methods)
        if finished or self.command is not RUN:
            shutil.copytree(self.place.results / "records", place.results / "records")
        return place


def run_unbroken(command: Command, place: Place) -> Unbroken:
    """Run a command once. Raises RuntimeError where it does not end well."""
    running = command.start(place)
    running.wait_until(lambda: running.err.stat().st_size > 0)
    starting = time.monotonic() - running.begun
    ended = running.end()
    if ended.status not in (0, 1) or ended.has_traceback:
        raise RuntimeError(f"bench {command.verb} ends with {ended.status}: {ended.err}")
    results = comparing.read_results(place.results)
    return Unbroken(command, place, ended.status, results, starting, ended.seconds)


def prepare(folder: Path, verbs: Sequence[str], methods: Sequence[str] = TRIALS) -> list[Unbroken]:
    """The unbroken runs of some verbs, of which `run` has to be one, in copies of its place."""
    first = run_unbroken(RUN, Place(folder / "unbroken", methods))
    unbroken = [first]
    for command in (GATE, TUNE):
        if command.verb in verbs:
            place = Unbroken(command, first.place, 0, {}, 0.0, 0.0).new_place(
                folder / f"unbroken-{command.verb}"
            )
            unbroken.append(run_unbroken(command, place))
    return unbroken


def campaign(
    unbroken: Unbroken, kills: int, deadline: Deadline, folder: Path, draw: random.Random
) -> Part:
    """Kill a command so often, going on after each kill; a finished study is begun anew."""
    verb = unbroken.command.verb
    part = Part(f"SIGKILL of `bench {verb}`", EXPECTED)
    rounds = 0
    while part.count < kills and deadline.left:
        rounds += 1
        _Round(unbroken, folder / f"{verb}-{rounds}", part, draw).run(kills, deadline)
    part.note = f"{rounds} times to the end"
    return part.end()


class _Round:
    """One study from its beginning to its end, through any number of kills."""

    def __init__(self, unbroken: Unbroken, folder: Path, part: Part, draw: random.Random) -> None:
        self.unbroken, self.part, self.draw = unbroken, part, draw
        self.place = unbroken.new_place(folder)
        self.records = self.place.results / unbroken.command.records
        self.kills = 0

    @property
    def where(self) -> str:
        return f"{self.place.folder.name} after {self.kills} kills"

    def run(self, kills: int, deadline: Deadline) -> None:
        while True:
            more = self.part.count < kills and deadline.left > 0
            ended = self._attempt(self._kill_at_random if more else lambda running: False)
            if ended is not None:
                self._check_end(ended)
                return
            self.kills += 1
            self.part.count += 1

    def _attempt(self, kill: Callable[[Running], bool]) -> Ended | None:
        """Start the command and kill it; what it came to where it has ended by itself."""
        before = comparing.check_records(self.part, self.records, self.where)
        known = len(self.place.logged())
        running = self.unbroken.command.start(self.place)
        killed = kill(running)
        ended = running.end()
        self.part.check(not ended.has_traceback, "traceback", f"{self.where}: {ended.err}")
        after = comparing.check_records(self.part, self.records, self.where)
        for stem in sorted(before - after):
            self.part.found("lost", f"{self.where}: the record of {stem} is gone")
        begun = {line[1] for line in self.place.logged()[known:] if line[2] == "begun"}
        if self.unbroken.command is not TUNE:
            for stem in sorted(begun & before):
                self.part.found("lost", f"{self.where}: {stem} was run again beside its record")
        return None if killed else ended

    def _kill_at_random(self, running: Running) -> bool:
        """Whether it was still at work."""
        unbroken = self.unbroken
        seconds = unbroken.starting
        if self.draw.random() > EARLY:
            running.wait_until(lambda: running.err.stat().st_size > 0)
            seconds = unbroken.seconds - unbroken.starting
        moment = time.monotonic() + self.draw.uniform(0, seconds)
        running.wait_until(lambda: time.monotonic() > moment)
        if running.process.poll() is not None:
            return False
        running.kill()
        return True

    def _check_end(self, ended: Ended) -> None:
        part, unbroken, where = self.part, self.unbroken, self.where
        if ended.status != unbroken.status:
            kind = "lost" if ended.status in (None, 2) else "different"
            last = ended.lines[-1] if ended.lines else ""
            part.found(kind, f"{where}: status {ended.status}, not {unbroken.status}: {last}")
        comparing.check_same(part, self.place, unbroken.results, where)
        if unbroken.command is RUN:
            comparing.check_tracked(part, self.place, where)
        if unbroken.command is TUNE:
            check_settings(part, f"sqlite:///{self.place.results / 'tuning' / 'optuna.db'}", where)
        epochs = Counter(tuple(line[1:]) for line in self.place.logged() if line[2] != "begun")
        for epoch, times in sorted(epochs.items()):
            part.check(times == 1, "lost", f"{where}: {' '.join(epoch)} trained {times} times")
        if not part.problems:
            shutil.rmtree(self.place.folder)


def check_settings(part: Part, storage: str, where: str) -> None:
    """Every setting of every tuning in an Optuna storage was finished once, under its number."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.CRITICAL)
    for name in optuna.get_all_study_names(storage):
        trials = optuna.load_study(study_name=name, storage=storage).trials
        numbers = [trial.number for trial in trials if trial.state.name in ("COMPLETE", "PRUNED")]
        right = numbers == list(range(SETTINGS)) and len(trials) == SETTINGS
        part.check(right, "lost", f"{where}: of {name} settings {numbers} were finished")
