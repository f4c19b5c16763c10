"""Jobs as jobs of SLURM, through submitit: a `bench.run.schedule.Pool`.

SLURM keeps the queue and finds nodes, queues a job again when its node is lost or is taken by a job
of higher priority, and goes on without this process. Jobs are submitted as one array, of which
`parallel` run at a time. What a job says and what it comes to are files in its folder
(`bench.cluster.slurm.node`), so that this process may end and come back: it takes up outcomes that
lie there, waits for jobs that squeue still has, and submits the rest.
"""

from __future__ import annotations

import contextlib
import time
import uuid
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from bench.cluster import task
from bench.cluster.file import SlurmCluster
from bench.cluster.slurm import node
from bench.cluster.slurm.node import Ended, Owner
from bench.cluster.slurm.queue import ENDING, WAITING, Queue, Row, Watch, name_arrays
from bench.cluster.slurm.submit import Submitter
from bench.errors import ClusterError
from bench.records.parts import Failure
from bench.run.messages import Died, EpochDone, Job, Message, Outcome, Started, Stopped
from bench.run.worker import Workplace

LOOK_EVERY = 1.0  # seconds between looks at the files of running jobs
PATIENCE = 15.0  # seconds that an outcome may take to be seen here after its job has ended
CLOSE_WITHIN = 15.0  # seconds to wait for the end of jobs that are cancelled
_MOST = 1000  # jobs that are submitted at first
_NOT_ITS_FAULT = frozenset(("", "BOOT_FAIL", "NODE_FAIL", "PREEMPTED", "REVOKED", "TIMEOUT"))


@dataclass
class _Tracked:
    """A job that SLURM has. row: what squeue said last; gone: when it had left the queue."""

    job: Job
    id: str
    row: Row = Row("PENDING")
    offset: int = 0
    started: bool = False
    stage: str = "start"
    left: bool = False
    """Its process has left early, for SLURM to queue it again."""
    ending: bool = False
    """It was cancelled before this process began."""
    stopped: bool = False
    gone: float | None = None


@dataclass(frozen=True)
class _Ending:
    """A job is at its end. outcome: None, if it is in its file: it may be large."""

    tracked: _Tracked
    outcome: Outcome | None


class SlurmPool:
    """SLURM keeps the queue; this process may end and come back."""

    def __init__(
        self,
        cluster: SlurmCluster,
        workplace: Workplace,
        device: str,
        threads: int,
        say: Callable[[str], None],
    ) -> None:
        """Raises ClusterError."""
        root = workplace.data_root
        self._workplace = replace(
            workplace,
            folder=workplace.folder.absolute(),
            data_root=None if root is None else root.absolute(),
        )
        results = self._workplace.folder.parent
        self._queue = Queue()
        self._submitter = Submitter(cluster, f"bench-{results.name}", results / "slurm", threads)
        self.workers = cluster.parallel
        partition = f", {cluster.options['partition']}" if "partition" in cluster.options else ""
        self.where = f"SLURM ({self._queue.cluster}{partition}), {self.workers} at a time"
        self._retries, self._device, self._say = cluster.retries, device, say
        self._most = min(_MOST, self._queue.largest_array)
        self._mark = task.read_mark(self._workplace) or uuid.uuid4().hex
        task.leave_mark(self._workplace, self._mark)
        self._watch = Watch(self._queue, say)
        self._filled = False
        self._waiting: deque[Job] = deque()
        self._tracked: dict[str, _Tracked] = {}
        self._unsaid: deque[tuple[str, Started | EpochDone | _Ending]] = deque()
        self._lost: Counter[str] = Counter()

    @property
    def has_room(self) -> bool:
        """Whether a further job may be given to SLURM."""
        count = len(self._waiting) + len(self._tracked)
        return count < (self.workers if self._filled else self._most)

    def submit(self, job: Job) -> None:
        """Take up a job that SLURM has or has had, or note it for the next array."""
        owner = node.read_owner(self._workplace, job.name)
        tracked = _Tracked(job, owner.job if owner else "")
        if task.has_outcome(self._workplace, job):
            self._read(tracked)
            self._end(tracked, None)
            return
        row = self._watch.rows.get(tracked.id, Row(""))
        known = owner is not None and owner.cluster == self._queue.cluster
        if not (known and row.is_alive):
            self._waiting.append(job)
            return
        tracked.row, tracked.ending = row, row.state == ENDING
        self._tracked[job.name] = tracked
        if owner is not None and owner.identity != task.identify(job):  # it would do other work
            tracked.ending = True
            self._cancel_one(tracked)

    def stop(self, name: str) -> None:
        """Cancel a job."""
        for job in [job for job in self._waiting if job.name == name]:
            self._waiting.remove(job)
            self._end(_Tracked(job, ""), Stopped())
        if (tracked := self._tracked.get(name)) and not tracked.stopped:
            tracked.stopped = True
            self._cancel_one(tracked)

    def messages(self) -> Iterator[tuple[str, Message]]:
        """What is said of jobs, as it comes, until none is left."""
        while True:
            self._send_waiting()
            self._filled = True
            while self._unsaid:
                name, message = self._unsaid.popleft()
                if isinstance(message, _Ending):
                    outcome = self._complete(message)
                    yield name, outcome
                    self._settle(message.tracked, outcome)
                else:
                    yield name, message
            if not self._tracked and not self._waiting:
                return
            if not self._look():
                time.sleep(LOOK_EVERY)

    def forget(self, name: str) -> None:
        """Remove a job's checkpoints."""
        self._workplace.forget(name)

    def close(self) -> None:
        """Cancel what is under way, and wait until it has ended; checkpoints stay."""
        self._waiting.clear()
        alive = {job for job, row in self._watch.rows.items() if row.is_alive}
        ours = {tracked.id: tracked.job.name for tracked in self._tracked.values()}
        if ours and self._cancel(set(ours)):
            for job, name in ours.items():
                node.clear(self._workplace, name)
                self._submitter.forget(job)
        self._tracked.clear()
        self._submitter.tidy(alive | ours.keys())
        task.remove_mark(self._workplace)

    def _cancel_one(self, tracked: _Tracked) -> None:
        with contextlib.suppress(ClusterError):  # then it goes on to its end
            self._queue.cancel([tracked.id])
        self._watch.hurry()

    def _cancel(self, alive: set[str]) -> bool:
        """Cancel jobs; whether all have ended."""
        end = time.monotonic() + CLOSE_WITHIN
        try:
            others = {job for job, row in self._queue.list_jobs().items() if row.is_alive} - alive
            self._queue.cancel(name_arrays(alive, others))
            while time.monotonic() < end:
                rows = self._queue.list_jobs()
                if not any(rows[job].is_alive for job in alive & rows.keys()):
                    return True
                time.sleep(LOOK_EVERY / 4)
            self._say(f"SLURM: of {len(alive)} cancelled jobs not all have ended yet")
        except ClusterError as error:
            self._say(f"warning: not all jobs are cancelled: {error}; `scancel` does it")
        return False

    def _send_waiting(self) -> None:
        """Submit what waits: all of it at first, and then no more than may run.

        Raises ClusterError where SLURM refuses and nothing of ours is in its queue.
        """
        count = self.workers - len(self._tracked) if self._tracked else self._most
        jobs = [self._waiting.popleft() for _ in range(min(max(count, 0), len(self._waiting)))]
        if not jobs:
            return
        for job in jobs:
            node.clear(self._workplace, job.name)
        try:
            accepted = self._submit(jobs)
        except ClusterError as error:
            if not self._tracked:
                raise
            self._watch.complain(str(error))
            accepted = 0
        self._waiting.extendleft(reversed(jobs[accepted:]))
        self._watch.hurry()

    def _submit(self, jobs: Sequence[Job]) -> int:
        """Submit jobs, or only so many as may run where SLURM does not take them all."""
        tasks = [task.make(job, self._workplace, self._device, self._mark) for job in jobs]
        try:
            ids = self._submitter.submit(tasks, self._queue.cluster, self.workers)
        except ClusterError:
            if len(tasks) <= self.workers:
                raise
            tasks = tasks[: self.workers]
            ids = self._submitter.submit(tasks, self._queue.cluster, self.workers)
        for job, one in zip(jobs, ids, strict=False):
            mine = Owner(self._queue.cluster, one, task.identify(job))
            owner = node.claim(self._workplace, job.name, mine)
            self._tracked[job.name] = _Tracked(job, owner.job)
        return len(ids)

    def _look(self) -> bool:
        """Ask SLURM if it is time to, and read files of jobs; whether anything is to be said."""
        if self._watch.ask():
            self._note_states()
        for tracked in list(self._tracked.values()):
            if tracked.row.state in WAITING:
                continue
            ended = self._read(tracked)
            if tracked.gone is not None or ended:
                self._conclude(tracked)
        return bool(self._unsaid)

    def _note_states(self) -> None:
        """Where all jobs stand in the queue, as SLURM has just said."""
        changed = False
        for tracked in self._tracked.values():
            row = self._watch.rows.get(tracked.id, Row(""))
            changed |= row.state != tracked.row.state
            if row.state in WAITING and tracked.row.state not in WAITING:
                self._say(f"SLURM has queued job {tracked.id} again ({tracked.job.name})")
            tracked.row = row
            if row.is_alive:
                tracked.gone = None
            elif tracked.gone is None:
                tracked.gone = time.monotonic()
        if changed:
            self._watch.hurry()
        self._watch.explain([tracked.row for tracked in self._tracked.values()])

    def _read(self, tracked: _Tracked) -> bool:
        """Read what a job has told; whether its process has ended, and for good."""
        lines, tracked.offset = node.read_lines(self._workplace, tracked.job.name, tracked.offset)
        for line in lines:
            tracked.left = isinstance(line, Ended) and line.requeued
            if isinstance(line, Started):
                tracked.started, tracked.stage = True, "start"
            elif isinstance(line, EpochDone):
                tracked.stage = line.stage
            if not isinstance(line, Ended):
                self._unsaid.append((tracked.job.name, line))
        return bool(lines) and isinstance(lines[-1], Ended) and not tracked.left

    def _conclude(self, tracked: _Tracked) -> None:
        """A job has ended or left the queue: find its outcome, wait for it, or do without."""
        if task.has_outcome(self._workplace, tracked.job):
            self._end(tracked, None)
        elif tracked.gone is None or time.monotonic() - tracked.gone < self._patience(tracked):
            return
        elif tracked.stopped:
            self._end(tracked, Stopped())
        else:
            self._lose(tracked)

    def _patience(self, tracked: _Tracked) -> float:
        """A job that was cancelled leaves no outcome."""
        cancelled = tracked.row.state == "CANCELLED" or tracked.stopped or tracked.ending
        return 0.0 if cancelled else PATIENCE

    def _lose(self, tracked: _Tracked) -> None:
        """A job has ended without an outcome."""
        name, state = tracked.job.name, tracked.row.state
        again = tracked.ending or tracked.left
        if not again and state in _NOT_ITS_FAULT and self._lost[name] < self._retries:
            self._lost[name] += 1
            again = True
            what = state or "it is not in the queue any more"
            self._say(f"SLURM: job {tracked.id} ended without a result ({what}): submitted again")
        if again:
            del self._tracked[name]
            self._submitter.forget(tracked.id)
            self._waiting.appendleft(tracked.job)
            return
        log = self._submitter.log(tracked.id)
        end = self._submitter.end_of_log(tracked.id)
        where = f"log: {log}" if log.exists() else f"no log: do nodes see {log.parent}?"
        message = f"SLURM job {tracked.id} ended without a result: {state or 'unknown'}; {where}"
        self._end(
            tracked,
            Died(Failure(stage=tracked.stage, type="WorkerDied", message=message, traceback=end)),
        )

    def _end(self, tracked: _Tracked, outcome: Outcome | None) -> None:
        """Say what a job has come to; None: what its file says, which is read at its turn."""
        name = tracked.job.name
        self._tracked.pop(name, None)
        if not tracked.started:
            self._unsaid.append((name, Started()))
        self._unsaid.append((name, _Ending(tracked, outcome)))

    def _complete(self, ending: _Ending) -> Outcome:
        """The outcome of a job."""
        tracked = ending.tracked
        outcome = ending.outcome or task.read_outcome(self._workplace, tracked.job)
        if outcome is not None:
            return outcome
        problem = f"its outcome in {self._workplace.folder / tracked.job.name} cannot be read"
        return Died(Failure(stage=tracked.stage, type="WorkerDied", message=problem))

    def _settle(self, tracked: _Tracked, outcome: Outcome) -> None:
        """The outcome is kept: remove what would show it again."""
        name = tracked.job.name
        task.remove_outcome(self._workplace, name)
        node.clear(self._workplace, name)
        if tracked.id:
            self._submitter.forget(tracked.id, keep_logs=isinstance(outcome, Died))
