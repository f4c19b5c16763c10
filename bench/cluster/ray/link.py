"""The connection to a Ray cluster: whether one is there, what it offers, and who talks to whom.

Nothing here waits without a limit. What runs on nodes is sent there as code, so that a node without
this package says so instead of failing in Ray.
"""

from __future__ import annotations

import asyncio
import importlib.util
import logging
import os
import pickle
import signal
import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from bench import ENGINE_VERSION
from bench.cluster import task
from bench.cluster.file import RayCluster
from bench.cluster.ray import resources
from bench.cluster.ray.resources import Resources
from bench.errors import ClusterError, ConfigurationError, one_line
from bench.run import processes
from bench.run.messages import EpochDone, Outcome, Raised, Started, describe_failure

ANSWER_WITHIN = 20.0
"""Seconds in which a cluster has to answer."""
START_WITHIN = 60.0
"""Seconds in which a process has to start, here or on a node, which is long on a busy machine."""
PREPARE_WITHIN = 600.0
"""Seconds in which nodes have to prepare a runtime_env, which is Ray's own limit."""
_CONNECT_WITHIN = 5.0  # seconds for a connection by TCP
_GATHER = 0.02  # seconds for which the board gathers messages, so that many come at a time
_PROBING = {  # of the process that looks whether Ray is there
    "RAY_BACKEND_LOG_LEVEL": "fatal",
    "RAY_gcs_server_request_timeout_seconds": "8",
}


@dataclass(frozen=True)
class Unfit:
    """A node that cannot run this driver's jobs, and why."""

    reason: str


@dataclass(frozen=True)
class Link:
    """A connection. ray: the module; board: the actor; work: the remote function."""

    ray: Any
    board: Any
    work: Any

    def list_nodes(self) -> dict[str, Resources]:
        """What each node offers that is alive, by Ray's id of it."""
        return _list_nodes(self.ray)


def look(cluster: RayCluster) -> list[Resources]:
    """What each node of a cluster offers.

    Raises ClusterError, within ANSWER_WITHIN or a few seconds more, where Ray is not there, is of
    another version, or has no node on this machine; ConfigurationError where it is not installed.
    A process of its own looks: Ray tries for minutes, and ends the process that gives it up.
    """
    if importlib.util.find_spec("ray") is None:
        raise ConfigurationError(
            "--cluster: Ray is not installed; pip install 'bench-bayesian-nas[ray]'"
        )
    where = f"Ray at {cluster.address}"
    if cluster.endpoint is not None:
        try:
            socket.create_connection(cluster.endpoint, _CONNECT_WITHIN).close()
        except (OSError, OverflowError, UnicodeError) as error:
            problem = one_line(getattr(error, "strerror", None) or error)
            raise ClusterError(
                f"{where}: nothing answers there: {problem}; `ray start --head` shows the address"
            ) from error
    ours, theirs = processes.SPAWN.Pipe()
    prober = processes.start(_probe, (theirs, cluster.address))
    theirs.close()
    try:
        found = None
        if ours.poll(START_WITHIN) and ours.recv() and ours.poll(ANSWER_WITHIN):
            found = ours.recv()
    except EOFError:
        found = None
    finally:
        prober.kill()
        prober.join()
        ours.close()
    if found is None:
        found = "it does not answer as Ray does: is this the address of the head node?"
    if isinstance(found, str):
        raise ClusterError(f"{where}: {found}")
    return list(found)


def _probe(pipe: Connection, address: str) -> None:
    os.environ.update(_PROBING)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    import ray

    pipe.send(True)  # the time to answer begins
    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.CRITICAL)
        pipe.send(list(_list_nodes(ray).values()))
    except Exception as error:
        pipe.send(explain(error))


def explain(error: BaseException) -> str:
    """Why Ray refuses, in one line, with what helps where that is known."""
    text = one_line(f"{error} {error.__cause__ or ''}")
    if "Could not find any running Ray instance" in text:
        return "no Ray runs on this machine: give its address, or call `ray start` here"
    if "No node info found" in text or "possible node ids" in text:
        return (
            "this machine has not joined it: call `ray start --address=HOST:PORT` here (with"
            " --num-cpus=0 it runs no trials), or give ray://HOST:10001"
        )
    return text[:300]


def connect(cluster: RayCluster, request: Resources, say: Callable[[str], None]) -> Link:
    """Become a driver of a cluster that has answered. Raises ClusterError."""
    import ray

    where = f"Ray at {cluster.address}"
    on_terminate = signal.getsignal(signal.SIGTERM)
    try:
        ray.init(
            address=cluster.address,
            runtime_env=cluster.runtime_env or None,
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, on_terminate)  # Ray's own writes a trace
        if set(cluster.runtime_env) - {"env_vars"}:
            say(f"{where}: preparing runtime_env")
        board = _place_board(ray)
        seconds = PREPARE_WITHIN if cluster.runtime_env else START_WITHIN
        ray.get(board.put.remote(None), timeout=seconds)
    except Exception as error:
        ray.shutdown()
        raise ClusterError(f"{where}: {explain(error)}") from error
    except BaseException:
        ray.shutdown()
        raise
    options = {"num_cpus": request.cpus, "num_gpus": request.gpus}
    if request.memory:
        options["memory"] = request.memory
    work = _make_function(ray).options(
        **options, max_retries=cluster.retries, retry_exceptions=False
    )
    return Link(ray, board, work)


def refuse_too_much(cluster: RayCluster, nodes: Sequence[Resources], request: Resources) -> None:
    """Raise ClusterError where no node can ever run a job."""
    if cluster.autoscales or resources.count_jobs(nodes, request):
        return
    reason = resources.explain_refusal(nodes, request)
    raise ClusterError(
        f"Ray at {cluster.address}: no node can run a trial: it {reason} (cpus, gpus, memory; or"
        " autoscales: true where Ray starts nodes on demand)"
    )


def serve(content: bytes, send: Callable[[Started | EpochDone], None]) -> Outcome | Unfit:
    """Run a task that a driver has sent, on a node."""
    version, sent = pickle.loads(content)
    if version != ENGINE_VERSION:
        return Unfit(
            f"{socket.gethostname()} has engine version {ENGINE_VERSION} of bench, this machine"
            f" {version}: install the same"
        )
    try:
        return task.run(pickle.loads(sent), send)
    except Exception as error:
        return Raised(describe_failure("start", error))


def _list_nodes(ray: Any) -> dict[str, Resources]:
    offers = {node["NodeID"]: node["Resources"] for node in ray.nodes() if node["Alive"]}
    return {
        name: Resources(offer.get("CPU", 0.0), offer.get("GPU", 0.0), offer.get("memory", 0.0))
        for name, offer in offers.items()
    }


def _place_board(ray: Any) -> Any:
    """The board, on this process's own node: it ends where that one ends."""

    class Board:
        def __init__(self) -> None:
            self._notes: list[Any] = []
            self._arrived = asyncio.Event()

        async def put(self, note: Any) -> None:
            if note is not None:
                self._notes.append(note)
                self._arrived.set()

        async def take(self) -> list[Any]:
            """What has been put there since it was last taken, as soon as there is something."""
            await self._arrived.wait()
            await asyncio.sleep(_GATHER)
            notes, self._notes = self._notes, []
            self._arrived.clear()
            return notes

    here = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(
        ray.get_runtime_context().get_node_id(), soft=False
    )
    return ray.remote(Board).options(num_cpus=0, scheduling_strategy=here).remote()


def _make_function(ray: Any) -> Any:
    """The remote function: (job's name, content, board) -> (attempt, messages sent, outcome).

    What it puts on the board is (job's name, attempt, node, number, content). The first content is
    None, as soon as a worker has the task; then messages. They may come in another order.
    """

    def work(name: str, content: bytes, board: Any) -> tuple[str, int, bytes | str]:
        import pickle
        import socket
        import uuid

        attempt = uuid.uuid4().hex
        node = ray.get_runtime_context().get_node_id()
        sent = 0

        def put(content: bytes | None) -> None:
            nonlocal sent
            board.put.remote((name, attempt, node, sent, content))
            sent += 1

        put(None)
        try:
            from bench.cluster.ray import link
        except ImportError as error:
            host = socket.gethostname()
            return (
                attempt,
                sent,
                f"{host} cannot import bench ({error}): install it there, or send it",
            )
        outcome = pickle.dumps(link.serve(content, lambda message: put(pickle.dumps(message))))
        return attempt, sent, outcome

    return ray.remote(work)
