"""One `bench rerun`: which records are meant, everything checked, their trials run and compared."""

from __future__ import annotations

import random
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import locks
from bench.errors import ConfigurationError, ResultsError
from bench.records.schema import FailedRecord, FinishedRecord, RunRecord
from bench.records.store import Store, read
from bench.rerun import instructions
from bench.rerun.outcome import Outcome
from bench.rerun.restore import list_assumed_options, restore
from bench.run import machine
from bench.run.beforehand import (
    check_corruptions,
    check_outside,
    check_tables,
    list_lines,
    read_data,
)
from bench.run.display import Display
from bench.run.pool import LocalPool
from bench.run.progress import Progress, average_seconds
from bench.run.schedule import Schedule, run_trials
from bench.run.session import Interrupted, Settings
from bench.run.worker import Workplace
from bench.study.model import Trial


@dataclass(frozen=True)
class Again:
    """A record, the file it is in, and its trial as it is run again."""

    path: Path
    record: FinishedRecord
    trial: Trial

    def compare(self, rerun: RunRecord) -> Outcome:
        """What came of running it again."""
        return Outcome(
            str(self.path), self.record, rerun, list_assumed_options(self.record, self.trial)
        )


def find_records(
    references: Sequence[Path], results: Path, pick: int | None, seed: int
) -> dict[Path, FinishedRecord]:
    """The finished records that the references name, by file.

    A reference is a record's file, a folder with records/, or a study whose results are in
    `results`. pick: draw so many of them, with `seed`; needed where a folder or a study is named.
    Raises ResultsError or ConfigurationError, in one line, for anything else.
    """
    named: dict[Path, FinishedRecord] = {}
    for reference in references:
        if reference.is_file():
            named[reference] = _read_finished(reference)
            continue
        store = _open_folder(reference, results)
        within = [record for record in store if isinstance(record, FinishedRecord)]
        if pick is None:
            raise ConfigurationError(
                f"{reference} has {len(within)} finished records: say with --pick N how many of"
                " them to run again"
            )
        named |= {store.record_path(record.trial): record for record in within}
    if pick is None:
        return named
    if pick > len(named):
        raise ConfigurationError(f"--pick {pick}: there are {len(named)} finished records")
    return {path: named[path] for path in random.Random(seed).sample(sorted(named), pick)}


def rerun(
    records: Mapping[Path, FinishedRecord],
    settings: Settings,
    output: Path | None,
    display: Display | None = None,
) -> list[Outcome]:
    """Run the records' trials again and say how each came out, as soon as it has.

    A trial runs on its record's kind of device, unless the settings name one, and with its vector
    instructions where this processor has them. output: a folder to keep the new records in; without
    it nothing is kept. display: where progress is shown.

    Raises ConfigurationError, DataError, ResultsError or LockError before any trial runs, and
    Interrupted on Ctrl-C.
    """
    todo = _restore_all(records)
    trials = [again.trial for again in todo.values()]
    check_tables(trials)
    check_corruptions(trials)
    by_device = _deal_out(list(todo.values()), settings)
    outcomes: list[Outcome] = []
    with _open_output(output, todo) as store:
        display = display or Display()
        (first, *_), _ = next(iter(by_device))
        threads = trials[0].search.threads
        data = read_data((trial.data for trial in trials), settings.data_root, first, threads)
        for line in (*list_lines(data), *check_outside(trials, data, settings.data_root)):
            display.say(line)
        workers = max(len(devices) for devices, _ in by_device)
        known = average_seconds(again.record for again in todo.values())
        progress = Progress(len(trials), 0, workers, list(trials), display, known)

        def tell(record: RunRecord) -> None:
            outcomes.append(todo[record.trial.stem].compare(record))
            display.say("\n".join(outcomes[-1].describe()), sys.stdout)

        workplace = Workplace(store.folder / "checkpoints", settings.data_root)
        try:
            for (devices, vectors), own in by_device.items():
                schedule = Schedule(own, execute=settings.execute)
                with instructions.kept_to(vectors):
                    run_trials(schedule, LocalPool(devices, workplace), store, progress, tell)
        except KeyboardInterrupt:
            raise Interrupted(
                f"interrupted: {len(outcomes)} of {len(trials)} records were run again"
            ) from None
    return outcomes


def _read_finished(path: Path) -> FinishedRecord:
    if path.suffix != ".json":
        raise ConfigurationError(f"{path} is not a record's file: those end in .json")
    record = read(path)
    if isinstance(record, FailedRecord):
        error = record.error
        raise ResultsError(
            f"record {path} is of a trial that failed in its {error.stage} ({error.type}): there"
            " are no results to compare with"
        )
    return record


def _open_folder(reference: Path, results: Path) -> Store:
    """The results folder of a reference that is no file."""
    folder = reference.parent if reference.name == "records" else reference
    for store in (Store(folder), Store(results / reference)):
        if store.records_folder.is_dir():
            return store
    if reference.suffix == ".json":
        raise ResultsError(f"record {reference} does not exist")
    raise ResultsError(
        f"{reference} is neither a record's file nor a folder with records, and there is no"
        f" {results / reference / 'records'}"
    )


def _restore_all(records: Mapping[Path, FinishedRecord]) -> dict[str, Again]:
    """By the name of the trial's files. Raises ConfigurationError."""
    todo: dict[str, Again] = {}
    for path, record in records.items():
        again = Again(path, record, restore(record, str(path)))
        known = todo.setdefault(again.trial.stem, again)
        if known is not again:
            raise ConfigurationError(f"{known.path} and {path} are records of one trial")
    return todo


def _deal_out(
    todo: Sequence[Again], settings: Settings
) -> dict[tuple[tuple[str, ...], str], list[Trial]]:
    """(devices of worker processes, instructions) -> trials. Raises ConfigurationError."""
    import torch

    here = torch.backends.cpu.get_cpu_capability()
    by_kind: dict[tuple[str, str], list[Trial]] = {}
    for again in todo:
        recorded = again.record.environment
        kind = recorded.device if settings.device == "auto" else settings.device
        vectors = instructions.choose(recorded.instructions or here, here)
        by_kind.setdefault((kind, vectors), []).append(again.trial)
    dealt = {}
    for (kind, vectors), trials in by_kind.items():
        threads = max(trial.search.threads for trial in trials)
        devices = machine.devices(kind, settings.workers, threads, len(trials))
        dealt[tuple(devices), vectors] = trials
    return dealt


@contextmanager
def _open_output(output: Path | None, todo: Mapping[str, Again]) -> Iterator[Store]:
    """Where the new records go: a folder that has none of them yet, or one that is removed."""
    if output is None:
        with tempfile.TemporaryDirectory(prefix="bench-rerun-") as scratch:
            yield Store(Path(scratch))
        return
    store = Store(output)
    for again in todo.values():
        path = store.record_path(again.trial)
        if path.exists():
            raise ConfigurationError(f"--output {output}: there is a {path} already")
    store.prepare()
    with locks.hold_run(output):
        yield store
