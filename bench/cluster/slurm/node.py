"""A job on a node that SLURM has found for it, and the files by which its driver hears of it.

They lie in the job's folder, beside its checkpoints: which SLURM job the job belongs to, and a line
of JSON for each thing that is to be told. The outcome is a file too (`bench.cluster.task`), so that
the driver may be away meanwhile.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from bench.cluster import task as tasks
from bench.cluster.task import Task
from bench.records.parts import Failure
from bench.run.messages import EpochDone, Raised, Started
from bench.run.worker import Workplace

_OWNER = "slurm.json"
_PROGRESS = "slurm.jsonl"
_RESOLUTION = 60.0  # seconds by which SLURM may send its signal earlier than it was asked to
_REQUEUE_WITHIN = 20.0  # seconds


@dataclass(frozen=True)
class Owner:
    """The SLURM job that a job belongs to. identity: `bench.cluster.task.identify`."""

    cluster: str
    job: str
    identity: str


@dataclass(frozen=True)
class Ended:
    """The process on the node has come to its end.

    requeued: early, because SLURM wanted the node or the job's time was up.
    """

    requeued: bool


Line = Started | EpochDone | Ended


def read_owner(workplace: Workplace, name: str) -> Owner | None:
    """The SLURM job that a job was last given to, or None."""
    try:
        text = (workplace.folder / name / _OWNER).read_text(encoding="utf-8")
        return Owner(**json.loads(text))
    except (OSError, ValueError, TypeError):
        return None


def claim(workplace: Workplace, name: str, owner: Owner) -> Owner:
    """Make a SLURM job a job's owner unless it has one; the owner.

    The driver claims what it has submitted and a SLURM job what it begins. So a job that a driver
    submitted and could not note, because it was killed, does not run beside the one that replaced
    it.
    """
    path = workplace.folder / name / _OWNER
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{_OWNER}.{os.getpid()}.{owner.job}.tmp")
    scratch.write_text(json.dumps(asdict(owner)), encoding="utf-8")
    try:
        os.link(scratch, path)  # atomic, and fails where there is one, over NFS as well
    except FileExistsError:
        return read_owner(workplace, name) or owner
    finally:
        scratch.unlink()
    return owner


def clear(workplace: Workplace, name: str) -> None:
    """Remove what a job's SLURM job has left, but not its outcome and checkpoints."""
    folder = workplace.folder / name
    for file in (_OWNER, _PROGRESS):
        with contextlib.suppress(OSError):
            (folder / file).unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # it has checkpoints
        folder.rmdir()


def read_lines(workplace: Workplace, name: str, offset: int) -> tuple[list[Line], int]:
    """What has been told since `offset`, a position in bytes; and the new position."""
    try:
        with (workplace.folder / name / _PROGRESS).open("rb") as file:
            file.seek(offset)
            text = file.read()
    except OSError:
        return [], offset
    whole = text[: text.rfind(b"\n") + 1]
    return list(_parse(whole)), offset + len(whole)


def own_id(environment: Mapping[str, str] = os.environ) -> str:
    """The SLURM job in which this process is, as squeue has it: "12", or "12_3" of an array."""
    if array := environment.get("SLURM_ARRAY_JOB_ID"):
        return f"{array}_{environment['SLURM_ARRAY_TASK_ID']}"
    return environment["SLURM_JOB_ID"]


def work(task: Task, cluster: str, limit: float) -> None:
    """What a SLURM job does: run the job, leave its outcome in a file, and end the process.

    limit: seconds after which a job that has finished no epoch is not queued again, because it
    would never finish one.
    """
    begun = time.monotonic()
    if not tasks.has_mark(task.workplace, task.mark):
        raise SystemExit(f"bench: {task.workplace.folder} is not here what it is for the driver")
    job, me = task.job.name, own_id()
    owner = claim(task.workplace, job, Owner(cluster, me, tasks.identify(task.job)))
    if owner.job != me:
        print(f"bench: SLURM job {owner.job} has {job}, nothing to do")
        return
    reporter = _Reporter(task.workplace.folder / job / _PROGRESS)

    def leave(number: int, frame: FrameType | None) -> NoReturn:
        """End at once, within whatever runs: the last checkpoint is seconds old."""
        for one in (signal.SIGTERM, signal.SIGCONT, signal.SIGUSR2):
            signal.signal(one, signal.SIG_IGN)
        seconds = time.monotonic() - begun
        if number == signal.SIGUSR2:
            if seconds > limit and not reporter.advanced:
                tasks.leave_outcome(task, Raised(_describe_limit(reporter.stage, seconds)))
                reporter.tell({"requeued": False})
                os._exit(0)
            reporter.tell({"requeued": True})
            _requeue(me)
        os._exit(128 + number)

    # Not submitit's handlers: they raise within the training. SIGTERM: SLURM has cancelled the job
    # or has queued it again.
    signal.signal(signal.SIGUSR2, leave)
    signal.signal(signal.SIGTERM, leave)
    tasks.run(task, reporter.send)
    sys.stdout.flush()
    sys.stderr.flush()
    reporter.tell({"requeued": False})
    os._exit(0)  # before submitit writes a result beside the outcome


class _Reporter:
    """Appends to the file of progress; each line with one call, also from a signal's handler."""

    def __init__(self, path: Path) -> None:
        self.stage = "start"
        self.advanced = False
        self._path = path

    def send(self, message: Started | EpochDone) -> None:
        """For `bench.cluster.task.run`."""
        if isinstance(message, Started):
            host = os.environ.get("SLURMD_NODENAME") or message.host
            self.tell({"started": replace(message, host=host).host})
            return
        self.stage = message.stage
        self.advanced |= message.epoch > 0
        self.tell({**vars(message), "metrics": dict(message.metrics)})

    def tell(self, line: Mapping[str, Any]) -> None:
        """A full disk or an absent server costs the line alone."""
        with contextlib.suppress(OSError):
            file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
            try:
                os.write(file, (json.dumps(line, default=float) + "\n").encode())
            finally:
                os.close(file)


def _parse(text: bytes) -> Iterator[Line]:
    for line in text.splitlines():
        try:
            data = json.loads(line)
            if "started" in data:
                yield Started(data["started"])
            elif "requeued" in data:
                yield Ended(data["requeued"])
            else:
                yield EpochDone(**data)
        except (ValueError, TypeError):  # half a line of a node that was lost
            continue


def _requeue(job: str) -> None:
    """Ask SLURM for it. Where it has done so itself, as at a preemption, it refuses.

    job: as `own_id` has it; SLURM_JOB_ID of one task of an array is the number of them all.
    """
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        subprocess.run(["scontrol", "requeue", job], capture_output=True, timeout=_REQUEUE_WITHIN)


def _describe_limit(stage: str, seconds: float) -> Failure:
    return Failure(
        stage=stage,
        type="TimeLimit",
        message=f"the job's time was up after {seconds:.0f} s in which no epoch was finished; the"
        " file of the cluster says how long it may take (time)",
        traceback="",
    )


def signal_delay(limit: float) -> int:
    """Seconds before a job's limit at which its process is told to leave."""
    return int(min(60.0, limit / 4))


def last_chance(limit: float) -> float:
    """`limit` of `work`, from the limit of a SLURM job (seconds)."""
    told = limit - signal_delay(limit)
    return max(told / 2, told - 1.5 * _RESOLUTION)
