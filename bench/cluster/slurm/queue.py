"""SLURM's queue, asked and told through its own commands: squeue, scontrol, scancel.

sacct is not needed: squeue knows a job for some minutes after its end (MinJobAge), and what became
of the work stands in files.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from bench.errors import ClusterError, one_line

_ENDED = {
    "BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "LAUNCH_FAILED", "NODE_FAIL",
    "OUT_OF_MEMORY", "PREEMPTED", "RECONFIG_FAIL", "REVOKED", "TIMEOUT",
}  # fmt: skip
WAITING = {
    "PENDING", "REQUEUED", "REQUEUE_FED", "REQUEUE_HOLD", "RESV_DEL_HOLD", "SPECIAL_EXIT",
}  # fmt: skip
ENDING = "COMPLETING"
ASK_EVERY = (2.0, 10.0)
"""Seconds between calls of squeue: after a change, and when nothing has changed for long."""
_ANSWERS_WITHIN = 60.0  # seconds
_IDS_AT_A_TIME = 500  # of a command line
_REASONS = {
    "AssocGrpCpuLimit": "the account uses as many cores as it may",
    "AssocGrpGRES": "the account uses as many GPUs as it may",
    "AssocMaxJobsLimit": "the account runs as many jobs as it may",
    "BadConstraints": "no node is like that",
    "BeginTime": "SLURM has queued them again and holds them for two minutes",
    "Dependency": "for other jobs",
    "JobHeldAdmin": "an administrator holds them",
    "JobHeldUser": "held; scontrol release lets them go",
    "Licenses": "for licences",
    "NodeDown": "the nodes are down",
    "PartitionConfig": "the partition has no node with so much",
    "PartitionDown": "the partition is down",
    "PartitionInactive": "the partition is inactive",
    "PartitionNodeLimit": "the partition has no such nodes, or they are down",
    "PartitionTimeLimit": "their time is above the partition's limit",
    "Priority": "jobs of higher priority go first",
    "QOSMaxCpuPerUserLimit": "you use as many cores as you may",
    "QOSMaxGRESPerUser": "you use as many GPUs as you may",
    "QOSMaxJobsPerUserLimit": "you run as many jobs as you may",
    "ReqNodeNotAvail": "nodes are down or reserved",
    "Reservation": "for a reservation",
    "Resources": "no node is free",
}


@dataclass(frozen=True)
class Row:
    """A job as squeue has it."""

    state: str
    reason: str = ""

    @property
    def is_alive(self) -> bool:
        """Whether it waits, runs or is coming to its end; of no state, it is not there."""
        return bool(self.state) and self.state not in _ENDED


class Queue:
    """This user's jobs, and what the cluster is."""

    def __init__(self) -> None:
        """Raises ClusterError where SLURM is not installed or does not answer."""
        if missing := next((c for c in ("sbatch", "srun", "squeue") if not shutil.which(c)), None):
            raise ClusterError(
                f"engine: slurm: SLURM is not installed here (there is no {missing}); the command"
                " is to be typed where sbatch works, on a login node"
            )
        settings = dict(
            re.findall(r"^(\w+)\s*=\s*(.*?)\s*$", _run("scontrol", "show", "config"), re.M)
        )
        self.cluster = settings.get("ClusterName", "")
        self.largest_array = max(1, int(settings.get("MaxArraySize", "1001")) - 1)

    def list_jobs(self) -> Mapping[str, Row]:
        """State by SLURM job ("12", "12_3") of this user. Raises ClusterError."""
        user, form = f"--user={os.getuid()}", "--format=%i|%T|%r"
        lines = _run("squeue", user, "--array", "--states=all", "--noheader", form).splitlines()
        fields = [line.strip().split("|", 2) for line in lines if line.count("|") >= 2]
        return {job: Row(state, reason) for job, state, reason in fields}

    def cancel(self, jobs: Sequence[str]) -> None:
        """End jobs, or all of an array. Raises ClusterError."""
        for begin in range(0, len(jobs), _IDS_AT_A_TIME):
            _run("scancel", "--quiet", *jobs[begin : begin + _IDS_AT_A_TIME])


def name_arrays(jobs: Collection[str], others: Collection[str]) -> list[str]:
    """Jobs, with the number of an array in place of its tasks where none is among the others."""
    kept = {array_of(job) for job in others}
    return sorted({job if array_of(job) in kept else array_of(job) for job in jobs})


class Watch:
    """Asks the queue now and then, and tells the user what keeps jobs from running."""

    def __init__(self, queue: Queue, say: Callable[[str], None]) -> None:
        """Raises ClusterError."""
        self.rows = queue.list_jobs()
        self._queue, self._say = queue, say
        self._pause = ASK_EVERY[0]
        self._next = time.monotonic()
        self._problem = self._reason = ""

    def hurry(self) -> None:
        """Ask soon: something has changed."""
        self._pause = ASK_EVERY[0]
        self._next = min(self._next, time.monotonic() + self._pause)

    def ask(self) -> bool:
        """Ask, if it is time to; whether `rows` are new."""
        begun = time.monotonic()
        if begun < self._next:
            return False
        self._pause = min(self._pause * 1.5, ASK_EVERY[1])
        try:
            self.rows = self._queue.list_jobs()
            self._problem = ""
        except ClusterError as error:
            self.complain(str(error))
            return False
        finally:
            now = time.monotonic()
            self._next = now + max(self._pause, 10 * (now - begun))  # a slow one is asked less
        return True

    def complain(self, problem: str) -> None:
        """Warn of what is tried again; not twice of the same."""
        if problem != self._problem:
            self._problem = problem
            self._say(f"warning: {problem}; trying again")

    def explain(self, rows: Sequence[Row]) -> None:
        """Say why none of these jobs runs, if so, when the reason is another than before."""
        reasons = Counter(row.reason for row in rows if row.reason not in ("", "None"))
        if not reasons or any(row.state not in WAITING for row in rows):
            return
        reason = describe_reason(reasons.most_common(1)[0][0])
        if reason != self._reason:
            self._reason = reason
            jobs = "1 job waits" if len(rows) == 1 else f"{len(rows)} jobs wait"
            self._say(f"SLURM: {jobs}: {reason}")


def array_of(job: str) -> str:
    """The number of the array that a job is a task of, or its own: "12" of "12_3"."""
    return job.partition("_")[0]


def describe_reason(reason: str) -> str:
    """Why a job waits: SLURM's word, and what it means."""
    word = reason.strip("()").partition(",")[0].strip()
    meaning = _REASONS.get(word)
    return f"{word} ({meaning})" if meaning else one_line(reason)


def _run(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_ANSWERS_WITHIN)
    except subprocess.TimeoutExpired:
        raise ClusterError(f"SLURM does not answer ({command[0]})") from None
    except OSError as error:
        raise ClusterError(f"cannot run {command[0]}: {error.strerror or error}") from error
    if done.returncode:
        said = clean(done.stderr) or f"exit status {done.returncode}"
        raise ClusterError(f"SLURM does not answer ({command[0]}): {said}")
    return done.stdout


def clean(said: str) -> str:
    """What a command of SLURM wrote on standard error, in one line."""
    lines = [re.sub(r"^\w+: (error|fatal): ", "", line) for line in said.splitlines()]
    return one_line("; ".join(filter(None, lines)))
