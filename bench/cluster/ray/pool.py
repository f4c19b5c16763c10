"""Jobs as tasks of Ray Core: a `bench.run.schedule.Pool`.

Ray keeps the queue, finds a node for each task, and gives it to another where that node or the
worker is lost. Workers tell how far they are through the board, an actor on this process's own node
that keeps what it is given until this process asks for it. A worker never waits for Ray: Ray lends
the CPUs of a task that waits to another one, and more trials would run than there are CPUs.
"""

from __future__ import annotations

import contextlib
import pickle
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from bench import ENGINE_VERSION
from bench.cluster import task
from bench.cluster.file import RayCluster
from bench.cluster.ray import link, resources
from bench.cluster.ray.link import Unfit
from bench.cluster.ray.resources import Resources
from bench.errors import ClusterError, ConfigurationError, one_line
from bench.records.parts import Failure
from bench.run.messages import (
    Died,
    EpochDone,
    Job,
    Message,
    Outcome,
    Raised,
    Started,
    Stopped,
    describe_failure,
)
from bench.run.worker import Workplace

TICK = 1.0  # seconds of waiting at a time
LATE = 5.0  # seconds that a job's last messages may come after its outcome
LOOK_EVERY = 5.0  # seconds between looks at which nodes are alive and whether anything runs
SAY_AFTER = 20.0  # seconds without a job at work, after which the reason is said


@dataclass
class _Run:
    """A job that Ray has. attempt, node: of the worker that has it now, if one has begun."""

    name: str
    ref: Any
    attempt: str = ""
    node: str = ""
    host: str = ""
    stage: str = "start"
    starts: int = 0
    heard: int = 0
    """Notes of this attempt that were taken in, in their order."""
    early: dict[tuple[str, int], bytes | None] = field(default_factory=dict)
    """Notes before which one is missing, by attempt and number."""


@dataclass(frozen=True)
class _Held:
    """An outcome that waits until `end` for the messages of its attempt, `sent` of them."""

    run: _Run
    outcome: Outcome
    attempt: str
    sent: int
    end: float


class RayPool:
    """Ray keeps the queue and finds nodes; this process is its driver."""

    def __init__(
        self,
        cluster: RayCluster,
        workplace: Workplace,
        device: str,
        threads: int,
        say: Callable[[str], None],
    ) -> None:
        """Raises ClusterError where Ray cannot be reached or has no node that could run a job.

        Raises ConfigurationError where Ray is not installed, or CUDA is wanted without a GPU.
        """
        if device == "cuda" and not cluster.gpus:
            raise ConfigurationError("--device cuda: the cluster's file gives a trial no gpus")
        self._cluster, self._workplace, self._device = cluster, workplace, device
        self._say = say
        self._request = Resources(cluster.cpus or threads, cluster.gpus, cluster.memory_bytes or 0)
        nodes = link.look(cluster)
        link.refuse_too_much(cluster, nodes, self._request)
        self._link = link.connect(cluster, self._request, say)
        self._mark = uuid.uuid4().hex
        task.leave_mark(workplace, self._mark)
        self._ray = self._link.ray
        slots = resources.count_jobs(nodes, self._request)
        self.workers = cluster.parallel if cluster.autoscales else min(cluster.parallel, slots)
        address = self._ray.get_runtime_context().gcs_address
        self.where = f"Ray at {address}: {resources.describe(nodes)}"
        self._notes = self._link.board.take.remote()
        self._runs: dict[str, _Run] = {}
        self._by_ref: dict[Any, _Run] = {}
        self._held: dict[str, _Held] = {}
        self._unsaid: deque[tuple[str, Message]] = deque()
        self._unshared: set[str] = set()
        self._looked = self._at_work = time.monotonic()
        self._explained = False

    @property
    def has_room(self) -> bool:
        """Whether a further job may be given to Ray."""
        return len(self._runs) + len(self._unsaid) < self._cluster.parallel

    def submit(self, job: Job) -> None:
        """Give Ray a job, unless a driver that ended early has left its outcome."""
        outcome = task.read_outcome(self._workplace, job)
        if outcome is not None:
            self._unsaid.extend([(job.name, Started()), (job.name, outcome)])
            return
        made = task.make(job, self._workplace, self._device, self._mark)
        content = pickle.dumps((ENGINE_VERSION, pickle.dumps(made)))
        ref = self._link.work.remote(job.name, content, self._link.board)
        self._runs[job.name] = self._by_ref[ref] = _Run(job.name, ref)

    def stop(self, name: str) -> None:
        """End a job at once; its checkpoints stay."""
        if name in self._runs:
            self._cancel(self._runs[name], force=False)

    def messages(self) -> Iterator[tuple[str, Message]]:
        """What is said of jobs, as it comes, until none is left.

        Raises ClusterError where the cluster is gone, or a node cannot run this code.
        """
        while self._runs or self._unsaid:
            while self._unsaid:
                name, message = self._unsaid.popleft()
                yield name, message
                if isinstance(message, Outcome):  # the driver has kept it
                    task.remove_outcome(self._workplace, name)
            if self._runs:
                self._listen()

    def forget(self, name: str) -> None:
        """Remove a job's checkpoints."""
        self._workplace.forget(name)

    def close(self) -> None:
        """Cancel what is under way, and leave the cluster."""
        with contextlib.suppress(Exception):
            for run in self._runs.values():
                self._cancel(run, force=True)
            self._ray.kill(self._link.board)
        self._ray.shutdown()
        task.remove_mark(self._workplace)

    def _cancel(self, run: _Run, force: bool) -> None:
        """End a task, unless it has ended: Ray aborts the driver where it has only just done so."""
        ended, _ = self._ray.wait([run.ref], timeout=0)
        if not ended:
            self._ray.cancel(run.ref, force=force, recursive=False)

    def _listen(self) -> None:
        """Wait a moment for news, and take it in."""
        try:
            ready, _ = self._ray.wait([self._notes, *self._by_ref], timeout=TICK)
            for ref in ready:
                if ref == self._notes:
                    notes = self._ray.get(ref)
                    self._notes = self._link.board.take.remote()
                    for note in notes:
                        self._hear(*note)
                else:
                    self._end(self._by_ref.pop(ref))
        except self._ray.exceptions.RayActorError as error:
            raise ClusterError(
                f"{self.where}: the connection is lost; run the same command to continue"
            ) from error
        now = time.monotonic()
        for held in [held for held in self._held.values() if held.end < now]:
            self._finish(held.run, held.outcome)
        if now - self._looked > LOOK_EVERY:
            self._looked = now
            self._look(now)

    def _hear(self, name: str, attempt: str, node: str, number: int, content: bytes | None) -> None:
        """From a worker; what comes of an attempt that was lost meanwhile is not wanted."""
        run = self._runs.get(name)
        if run is None:
            return
        run.early[attempt, number] = content
        if number == 0:
            self._begin(run, attempt, node)
        while (run.attempt, run.heard) in run.early:
            said = run.early.pop((run.attempt, run.heard))
            run.heard += 1
            if said is not None:
                self._take(run, pickle.loads(said))
        held = self._held.get(name)
        if held is not None and held.attempt == attempt and run.heard >= held.sent:
            self._finish(run, held.outcome)

    def _begin(self, run: _Run, attempt: str, node: str) -> None:
        """A worker has the job, for the first time or after another one was lost."""
        run.attempt, run.node, run.heard = attempt, node, 0
        run.starts += 1
        self._at_work, self._explained = time.monotonic(), False
        if self._is_worn_out(run):
            self._cancel(run, force=True)

    def _take(self, run: _Run, message: Started | EpochDone) -> None:
        if isinstance(message, EpochDone):
            run.stage = message.stage
        else:
            run.host = message.host
            if not message.shared and run.host not in self._unshared:
                self._unshared.add(run.host)
                self._say(
                    f"warning: {run.host} does not see {self._workplace.folder}: an interrupted"
                    " trial begins again there"
                )
        self._unsaid.append((run.name, message))

    def _is_worn_out(self, run: _Run) -> bool:
        """Whether it was begun too often; Ray itself does not count workers without memory."""
        return run.starts > self._cluster.retries + 1

    def _end(self, run: _Run) -> None:
        """A task has ended, well or not."""
        try:
            attempt, sent, content = self._ray.get(run.ref)
        except self._ray.exceptions.RayError as error:
            self._finish(run, self._explain_end(run, error))
            return
        outcome = Unfit(content) if isinstance(content, str) else pickle.loads(content)
        if isinstance(outcome, Unfit):
            raise ClusterError(f"{self.where}: {outcome.reason}")
        if run.attempt == attempt and run.heard >= sent:
            self._finish(run, outcome)
        else:
            self._held[run.name] = _Held(run, outcome, attempt, sent, time.monotonic() + LATE)

    def _finish(self, run: _Run, outcome: Outcome) -> None:
        task.keep_files(self._workplace, outcome)
        if not run.host:
            self._unsaid.append((run.name, Started()))
        self._unsaid.append((run.name, outcome))
        self._held.pop(run.name, None)
        del self._runs[run.name]
        self._at_work = time.monotonic()

    def _explain_end(self, run: _Run, error: Exception) -> Outcome:
        """What a task came to that returned nothing. Raises ClusterError."""
        kinds = self._ray.exceptions
        if isinstance(error, kinds.TaskCancelledError) and not self._is_worn_out(run):
            return Stopped()
        if isinstance(error, kinds.RuntimeEnvSetupError):
            raise ClusterError(f"{self.where}: runtime_env: {link.explain(error)}") from error
        if isinstance(error, kinds.RayTaskError):
            return Raised(describe_failure(run.stage, error))
        reasons = {
            kinds.OutOfMemoryError: "its node has no memory left",
            kinds.NodeDiedError: "its node is lost",
            kinds.WorkerCrashedError: "the worker process has ended (out of memory?)",
            kinds.TaskCancelledError: "its worker is lost time and again (out of memory?)",
        }
        known = (text for kind, text in reasons.items() if isinstance(error, kind))
        reason = next(known, f"{type(error).__name__}: {one_line(error)[:300]}")
        begun = f"; it was begun {run.starts} times" if run.starts > 1 else ""
        where = f" on {run.host}" if run.host else ""
        message = f"{reason}{where}{begun}"
        return Died(Failure(stage=run.stage, type="WorkerDied", message=message, traceback=""))

    def _look(self, now: float) -> None:
        """Say which nodes are lost, and why nothing runs."""
        nodes = self._link.list_nodes()
        lost = [run for run in self._runs.values() if run.node and run.node not in nodes]
        for run in lost:
            self._say(f"warning: Ray has lost {run.host or 'a node'}: {run.name} goes on elsewhere")
            run.attempt = run.node = ""
        if any(run.node for run in self._runs.values()):
            self._at_work = now
        elif now - self._at_work > SAY_AFTER and not self._explained:
            self._explained = True
            self._say(self._explain_waiting(list(nodes.values())))

    def _explain_waiting(self, nodes: list[Resources]) -> str:
        count = len(self._runs)
        wait = f"Ray: {count} trial{'s wait' if count > 1 else ' waits'}: each "
        if not resources.count_jobs(nodes, self._request):
            return wait + resources.explain_refusal(nodes, self._request)
        free = self._ray.available_resources()
        memory = free.get("memory", 0.0) if self._request.memory else 0.0
        left = Resources(free.get("CPU", 0.0), free.get("GPU", 0.0), memory)
        wait += f"asks for {self._request}; of {resources.describe(nodes)}"
        if left.count_jobs(self._request):
            return f"{wait} enough is free, but no worker has started yet"
        return f"{wait} others use all but {left}"
