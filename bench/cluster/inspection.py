"""Whether a cluster can be reached, what it offers, and what an empty job finds on a node."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bench.cluster.file import Cluster
from bench.errors import ClusterError
from bench.run.engines import Engine
from bench.run.messages import Died, Job, Raised, Returned, Started
from bench.run.worker import Workplace


def inspect(
    cluster: Cluster, results: Path, data_root: Path | None, say: Callable[[str], None]
) -> Iterator[tuple[str, str]]:
    """(what, what there is), a pair at a time, from a job that goes through the whole engine.

    results: a folder in which one is made for the job, and removed. say: for why nothing runs.
    Raises ClusterError where the cluster cannot be reached or the job fails, and ResultsError.
    """
    results.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=".doctor-", dir=results))
    workplace = Workplace(folder.absolute() / "checkpoints", data_root)
    try:
        begun = time.monotonic()
        pool = Engine(cluster=cluster).open(workplace, 1, 1, say)
        with contextlib.closing(pool):
            yield "cluster", f"{pool.where}, reached in {time.monotonic() - begun:.1f} s"
            begun = time.monotonic()
            pool.submit(Job("doctor", "bench.cluster.inspection:look_around"))
            for _, message in pool.messages():
                match message:
                    case Started():
                        waited = time.monotonic() - begun
                        yield "  a job", f"began on {message.host} after {waited:.1f} s"
                        yield "  results", _describe_sharing(message, results)
                    case Returned():
                        yield from message.value.items()
                        yield "  round trip", f"{time.monotonic() - begun:.1f} s"
                    case Raised() | Died():
                        raise ClusterError(f"an empty job failed: {message.error.message}")
                    case _:
                        pass
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def look_around(
    *, device: Any, data_root: Path | None, folder: Path, report: Any
) -> dict[str, str]:
    """What this machine is, for `inspect`: the function of its job."""
    import platform

    import torch

    import bench
    from bench import capacity
    from bench.data.loading import data_root as find_data_root
    from bench.run import environment

    root = find_data_root(data_root)
    commit = environment.code_version()[0]
    return {
        "  python": f"{platform.python_version()}, torch {torch.__version__}",
        "  bench": f"{bench.__version__}, commit {commit[:12] if commit else 'unknown'}",
        "  device": f"{environment.hardware(device)}; {capacity.cores()} cores for this process",
        "  data root": f"{root}{'' if root.is_dir() else ' does not exist there'}",
    }


def _describe_sharing(message: Started, results: Path) -> str:
    if message.shared:
        return f"{results} is seen there: interrupted trials go on from their checkpoints"
    return f"{results} is not seen there: interrupted trials begin again"
