"""A job on a node of a cluster: what is done around it there, and what becomes of its outcome.

Where the node sees the driver's files, checkpoints lie there and so does the outcome, until the
driver has kept it: a driver that ends early and is started again takes it up. Where it does not,
the job works in a folder of the node, and begins again when it is lost.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import pickle
import socket
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench import files, plugins
from bench.records import schema
from bench.records.schema import RunRecord
from bench.run.messages import EpochDone, Job, Outcome, Returned, Started
from bench.run.worker import Workplace, run_job

if TYPE_CHECKING:
    from bench.run.environment import Driver

OUTCOME = "outcome.pickle"
_DRIVER = ".driver"  # in the folder of checkpoints: which driver is at work there


@dataclass(frozen=True)
class Task:
    """A job, and what its node has to know. device: cpu, cuda or auto, decided there.

    mark: of the driver; a node that can read it in the folder shares that folder. variables: the
    driver's own of the environment, which begin with BENCH_; a node's go before them. methods: the
    driver's, which a node whose code was uploaded cannot list.
    """

    job: Job
    workplace: Workplace
    device: str
    mark: str
    driver: Driver
    variables: Mapping[str, str] = field(default_factory=dict)
    methods: Mapping[str, str] = field(default_factory=dict)


def make(job: Job, workplace: Workplace, device: str, mark: str) -> Task:
    """A job of this process, as it is sent away: its paths do not depend on a working folder."""
    from bench.run import environment

    root = workplace.data_root and workplace.data_root.absolute()
    workplace = Workplace(workplace.folder.absolute(), root)
    variables = {name: value for name, value in os.environ.items() if name.startswith("BENCH_")}
    methods = {name: entry.value for name, entry in plugins.list_methods().items()}
    driver = environment.this_driver()
    return Task(job, workplace, device, mark, driver, variables, methods)


def identify(job: Job) -> str:
    """What a job's outcome is a function of, as a digest; in every process the same."""
    text = repr((job.name, job.function, _canonical(job.arguments)))
    return hashlib.sha256(text.encode()).hexdigest()


def _canonical(value: Any) -> Any:
    """The same for equal values: a record that was read has its keys in another order."""
    if isinstance(value, RunRecord):
        return schema.digest(value)
    if isinstance(value, Mapping):
        return sorted((str(key), _canonical(item)) for key, item in value.items())
    return value


def leave_mark(workplace: Workplace, mark: str) -> None:
    """Make the folder of checkpoints known as this driver's. Raises ResultsError."""
    files.write(workplace.folder / _DRIVER, mark)


def read_mark(workplace: Workplace) -> str | None:
    """The mark in the folder of checkpoints, or None."""
    try:
        return (workplace.folder / _DRIVER).read_text(encoding="utf-8")
    except OSError:
        return None


def has_mark(workplace: Workplace, mark: str) -> bool:
    """Whether this machine sees the driver's folder of checkpoints."""
    return read_mark(workplace) == mark


def remove_mark(workplace: Workplace) -> None:
    """Remove the mark, and the folder, where no job has anything left there."""
    with contextlib.suppress(OSError):
        if [path.name for path in workplace.folder.iterdir()] == [_DRIVER]:
            (workplace.folder / _DRIVER).unlink()
            workplace.folder.rmdir()


def has_outcome(workplace: Workplace, job: Job) -> bool:
    """Whether `read_outcome` finds one; it may be large, and is not read for that."""
    return next(_load(workplace, job), None) == identify(job)


def read_outcome(workplace: Workplace, job: Job) -> Outcome | None:
    """What a node has left of a job for a driver that was not there, or None."""
    content = _load(workplace, job)
    return next(content, None) if next(content, None) == identify(job) else None


def _load(workplace: Workplace, job: Job) -> Iterator[Any]:
    """Of a job's file: what the outcome is a function of, and the outcome."""
    damaged = (EOFError, pickle.UnpicklingError, AttributeError, ImportError, ValueError)
    path = workplace.folder / job.name / OUTCOME
    with contextlib.suppress(OSError, *damaged), path.open("rb") as file:
        yield pickle.load(file)
        yield pickle.load(file)


def remove_outcome(workplace: Workplace, name: str) -> None:
    """The driver has kept it."""
    with contextlib.suppress(OSError):
        (workplace.folder / name / OUTCOME).unlink(missing_ok=True)


def run(task: Task, send: Callable[[Started | EpochDone], None]) -> Outcome:
    """Run a job on this node; `send` tells the driver how far it is and may raise Stop."""
    from bench.run import environment, machine

    environment.adopt(task.driver)
    plugins.adopt(task.methods)
    for name, value in task.variables.items():
        os.environ.setdefault(name, value)
    shared = has_mark(task.workplace, task.mark)
    send(Started(socket.gethostname(), shared))
    found = read_outcome(task.workplace, task.job) if shared else None
    if found is not None:  # it was sent away twice
        return found
    device = machine.devices(task.device, 1, 1, 1)[0]
    if shared:
        outcome = run_job(task.job, task.workplace, device, send)
        leave_outcome(task, outcome)
        return outcome
    with tempfile.TemporaryDirectory(prefix="bench-task-") as scratch:
        own = replace(task.workplace, folder=Path(scratch) / "checkpoints")
        outcome = run_job(task.job, own, device, send)
        if isinstance(outcome, Returned):
            outcome = replace(outcome, files=_read_files(Path(scratch)))
        return outcome


def keep_files(workplace: Workplace, outcome: Outcome) -> None:
    """Write what a job has left on a node that does not share the results. Raises ResultsError."""
    written = outcome.files if isinstance(outcome, Returned) else {}
    for name, content in written.items():
        files.write(workplace.folder.parent / name, content)


def leave_outcome(task: Task, outcome: Outcome) -> None:
    """Write a job's outcome where `read_outcome` finds it."""
    path = task.workplace.folder / task.job.name / OUTCOME
    with contextlib.suppress(Exception):  # the driver, where it is alive, has it anyway
        files.write(path, pickle.dumps(identify(task.job)) + pickle.dumps(outcome))


def _read_files(results: Path) -> dict[str, bytes]:
    """Networks and whatever else jobs write beside checkpoints, by path."""
    return {
        str(path.relative_to(results)): path.read_bytes()
        for path in sorted(results.rglob("*"))
        if path.is_file() and "checkpoints" not in path.relative_to(results).parts
    }
