"""Runs each trial once, in worker processes that cannot take the study down with them.

Every worker has its own pipe (a queue shared by all could be left locked by one that is killed).
This process alone writes records. A trial that fails, or whose worker dies, leaves a record of
its error and the others go on. Workers do not see Ctrl-C: this process ends them.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import multiprocessing
import shlex
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from bench import ENGINE_VERSION, __version__
from bench.records.store import Store, failed
from bench.run import worker
from bench.run.progress import Progress
from bench.study.model import Trial

RUN_TRIAL = "bench.run.trial:run_trial"
END_WITHIN = 10.0  # seconds that an idle worker has to end by itself

_SPAWN = multiprocessing.get_context("spawn")
OnRecord = Callable[[Mapping[str, Any]], None]


def run_trials(
    trials: Sequence[Trial],
    store: Store,
    progress: Progress,
    *,
    devices: Sequence[str],
    data_root: Path | None = None,
    execute: str = RUN_TRIAL,
    on_record: OnRecord = lambda record: None,
    batch_seeds: int = 1,
    finished: Sequence[Mapping[str, Any]] = (),
) -> None:
    """Run `trials`, one worker process for each of `devices`, and write their records.

    Each of `groups(trials, batch_seeds)` goes to one worker, which searches it together. Of trials
    with the same search one does it; the others wait for its record. finished: records of trials
    that have ended before.
    `execute` ("module:function") is what a worker calls, with the signature of
    `bench.run.trial.run_trial`; `on_record` is called here after each record is written. Raises ResultsError where a record
    cannot be written; that, and KeyboardInterrupt, end the workers at once.
    """
    waiting = groups(trials, batch_seeds, finished)[::-1]
    searches = Searches(store, finished)
    arguments = (execute, data_root, store.folder / "checkpoints")
    slots = [_Slot(device, arguments) for device in devices]
    try:
        for slot in slots:
            _next(slot, waiting, searches, progress)
        while busy := {source: slot for slot in slots if slot.trial for source in slot.sources()}:
            for slot in {id(busy[source]): busy[source] for source in wait(list(busy))}.values():
                trial = slot.trial
                assert trial is not None
                for message in slot.messages():
                    if message[0] == "progress":
                        progress.advanced(trial, *message[1:])
                        continue
                    if message[0] == "note":
                        progress.say(message[1])
                        continue
                    record, posterior = _outcome(trial, slot, message)
                    store.write(record, posterior or searches.posterior(record))
                    searches.ended(trial, record)
                    progress.ended(trial, record)
                    on_record(record)
                    _next(slot, waiting, searches, progress)
                    for idle in slots:
                        if idle.trial is None:  # it may have waited for this one's search
                            _next(idle, waiting, searches, progress)
                    break
    finally:
        for slot in slots:
            slot.kill()


def groups(
    trials: Sequence[Trial], batch_seeds: int, finished: Sequence[Mapping[str, Any]] = ()
) -> list[list[Trial]]:
    """Trials that differ in the seed alone, at most `batch_seeds` together, in order.

    A trial whose search is that of an earlier or a finished one is a group by itself.
    """
    found: list[list[Trial]] = []
    growing: dict[tuple[str, str], list[Trial]] = {}
    searched = {record["trial"]["search_id"] for record in finished}
    for trial in trials:
        if trial.search_id in searched:
            found.append([trial])
            continue
        searched.add(trial.search_id)
        key = (trial.label, dataclasses.replace(trial, seed=0).id)
        group = growing.get(key)
        if group is None or len(group) >= batch_seeds:
            group = growing[key] = []
            found.append(group)
        group.append(trial)
    return found


class Searches:
    """Who searches what, so that a search which several trials share is done once."""

    def __init__(self, store: Store, finished: Sequence[Mapping[str, Any]]) -> None:
        self._store = store
        self._finished = {record["trial"]["search_id"]: record for record in finished}
        self._under_way: set[str] = set()

    def of(self, group: list[Trial]) -> Mapping[str, Any] | None:
        """The record with the search of a group of one, if that is finished."""
        return self._finished.get(group[0].search_id) if len(group) == 1 else None

    def wait(self, group: list[Trial]) -> bool:
        """Whether another worker is doing a search that this group needs."""
        return self.of(group) is None and any(t.search_id in self._under_way for t in group)

    def began(self, group: list[Trial]) -> None:
        """A worker has a group."""
        if self.of(group) is None:
            self._under_way |= {trial.search_id for trial in group}

    def stopped(self, trial: Trial) -> None:
        """No worker has the trial any more."""
        self._under_way.discard(trial.search_id)

    def ended(self, trial: Trial, record: Mapping[str, Any]) -> None:
        """A trial has left a record."""
        self.stopped(trial)
        if record["status"] == "finished":
            self._finished.setdefault(trial.search_id, record)

    def posterior(self, record: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        """The posterior table of a record that took over another one's search."""
        if "reused" not in (record["search"] or {}):
            return []
        source = self._finished[record["trial"]["search_id"]]
        return self._store.posterior(source["trial"])


def _next(slot: _Slot, waiting: list[list[Trial]], searches: Searches, progress: Progress) -> None:
    if not slot.go_on():
        # what a dead worker has left of a group is run one by one: together they may kill the next
        waiting.extend([trial] for trial in reversed(slot.rest))
        for trial in slot.rest:
            searches.stopped(trial)
        slot.rest = []
        for place in reversed(range(len(waiting))):
            if not searches.wait(waiting[place]):
                group = waiting.pop(place)
                slot.give(group, searches.of(group))
                searches.began(group)
                break
    if slot.trial is not None:
        progress.started(slot.trial)


def _outcome(
    trial: Trial, slot: _Slot, message: tuple[Any, ...]
) -> tuple[Mapping[str, Any], Sequence[Mapping[str, Any]]]:
    """(record, posterior rows) of a trial that has ended, in whichever way."""
    if message[0] == "done":
        return message[1], message[2]
    provenance = {
        "version": __version__,
        "engine_version": ENGINE_VERSION,
        "git_commit": None,
        "git_dirty": None,
        "started": slot.started,
        "finished": _now(),
        "command": shlex.join(["bench", *sys.argv[1:]]),
    }
    return failed(trial, message[1], provenance), []


class _Slot:
    """A place for one worker process at a time; a dead one is replaced with the next trial."""

    def __init__(self, device: str, arguments: tuple[str, Path | None, Path]) -> None:
        self.trial: Trial | None = None
        self.rest: list[Trial] = []  # of the trial's group, still to come
        self.started = ""
        self.stage = "start"
        self._arguments = (arguments[0], device, *arguments[1:])
        self._process: BaseProcess | None = None
        self._pipe: Connection | None = None

    def go_on(self) -> bool:
        """Turn to the next trial that the worker has; False where it has none, or is dead."""
        self.trial = None
        if not self.rest or self._process is None:
            return False
        self._turn_to(self.rest)
        return True

    def _turn_to(self, group: list[Trial]) -> None:
        self.trial, self.rest = group[0], group[1:]
        self.started, self.stage = _now(), "start"

    def give(self, group: list[Trial], found: Mapping[str, Any] | None) -> None:
        """Send a group of trials to the worker, which is started if there is none.

        found: the record of a finished trial with the group's search, if there is one.
        """
        self._turn_to(group)
        if self._process is None or not self._process.is_alive():
            self.kill()
            self._start()
        assert self._pipe is not None
        with contextlib.suppress(OSError):  # it has died just now: messages() will say so
            self._pipe.send((group, found))

    def sources(self) -> list[Any]:
        """What to wait on: the pipe, and the process for where it dies."""
        assert self._pipe is not None and self._process is not None
        return [self._pipe, self._process.sentinel]

    def messages(self) -> Iterator[tuple[Any, ...]]:
        """What has come; a death is the message that says so."""
        assert self._pipe is not None and self._process is not None
        try:
            alive = self._process.is_alive()
            while self._pipe.poll():
                message = self._pipe.recv()
                if message[0] == "progress":
                    self.stage = message[1]
                yield message
            if alive:
                return
        except (EOFError, OSError):
            pass
        self._process.join(END_WITHIN)
        error = {
            "stage": self.stage,
            "type": "WorkerDied",
            "message": _cause(self._process.exitcode),
        }
        self.kill()
        yield "died", error

    def kill(self) -> None:
        """End the worker now, if there is one."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
        if self._pipe is not None:
            self._pipe.close()
        self._process = self._pipe = None

    def _start(self) -> None:
        # The worker inherits a blocked SIGINT: Ctrl-C reaches this process alone, even while the
        # worker is still importing. The resource tracker unblocks it as it starts: not from here.
        resource_tracker.ensure_running()
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            self._pipe, theirs = _SPAWN.Pipe()
            self._process = _SPAWN.Process(
                target=worker.serve, args=(theirs, *self._arguments), daemon=True
            )
            self._process.start()
            theirs.close()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _cause(code: int | None) -> str:
    if code is not None and code < 0:
        name = signal.Signals(-code).name
        hint = " (out of memory?)" if -code == signal.SIGKILL else ""
        return f"the worker process was ended by {name}{hint}"
    return f"the worker process ended with exit status {code}"


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
