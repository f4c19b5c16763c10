"""What the driver spends on a study of trivial trials, for each engine.

    python tests/cluster/overhead.py --engine ray --trials 1000

runs N/4, N/2 and N trials that compute nothing, each time in a new process, on this machine's
cores, on a Ray or a SLURM of two nodes that it starts here, or on the cluster that `--cluster FILE`
describes, and prints a line for each: seconds per trial, the driver's processor
seconds per trial, its peak memory, and the messages that it was told.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PATHS = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tests" / "support" / "plugin")]
COLUMNS = ("trials", "seconds", "seconds a trial", "driver's CPU a trial", "peak MB", "messages")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--engine", choices=("local", "ray", "slurm"), default="local")
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--cluster", type=Path, help="the cluster's file")
    parser.add_argument("--once", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    sys.path[:0] = PATHS
    os.environ["PYTHONPATH"] = os.pathsep.join(PATHS)
    if arguments.once:
        print(json.dumps(measure(arguments.trials, arguments.cluster)))
        return
    print("  ".join(COLUMNS))
    with cluster_file(arguments.engine, arguments.cluster) as file:
        for count in (arguments.trials // 4, arguments.trials // 2, arguments.trials):
            command = [sys.executable, __file__, "--once", "--trials", str(count)]
            command += ["--cluster", str(file)] if file else []
            run = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            values = json.loads(run.stdout.splitlines()[-1])
            cells = [f"{value:.4g}" for value in values]
            print("  ".join(c.rjust(len(n)) for c, n in zip(cells, COLUMNS, strict=True)))


@contextlib.contextmanager
def cluster_file(engine: str, given: Path | None) -> Iterator[Path | None]:
    """The file of the cluster; None for this machine's cores."""
    if engine == "local" or given is not None:
        yield given
        return
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        settings: dict[str, object]
        if engine == "slurm":
            from support import slurm_machine

            os.environ |= stack.enter_context(slurm_machine.open_machine()).variables
            settings = {"cpus": 2, "parallel": 2}  # of its nodes, each has two
        else:
            from support import ray_machine

            variables = {"PYTHONPATH": os.pathsep.join(PATHS)}
            address = stack.enter_context(ray_machine.open_machine()).address
            settings = {"address": address, "runtime_env": {"env_vars": variables}}
        file = Path(folder) / "cluster.yaml"
        file.write_text(json.dumps({"engine": engine, **settings}))
        yield file


def measure(count: int, cluster: Path | None) -> list[float]:
    """Numbers for `COLUMNS`, of this process as the driver."""
    from support import studies

    from bench.cluster import file
    from bench.records.store import Store
    from bench.run.display import Display
    from bench.run.engines import Engine
    from bench.run.progress import Progress
    from bench.run.schedule import Schedule, run_trials
    from bench.run.worker import Workplace
    from bench.study.file import load

    messages = 0
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        changed = ["methods={a: {method: coin}}", f"seeds={list(range(count))}"]
        trials = load(studies.write(place), changed).trials
        store = Store(place / "results")
        store.prepare()
        engine = Engine("cpu", None, file.load(cluster) if cluster else None)
        pool = engine.open(Workplace(store.folder / "checkpoints"), 1, count, print)
        told = pool.messages

        def counted() -> Iterator[object]:
            nonlocal messages
            for message in told():
                messages += 1
                yield message

        pool.messages = counted  # type: ignore[method-assign, assignment]
        progress = Progress(count, 0, pool.workers, trials, Display(io.StringIO()))
        begun, used = time.perf_counter(), time.process_time()
        run_trials(Schedule(trials, execute="support.tiny_trials:run"), pool, store, progress)
        seconds, processor = time.perf_counter() - begun, time.process_time() - used
        assert not store.standing(trials).missing
        assert not store.standing(trials).failed, store.standing(trials).failed[0].error
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return [count, seconds, seconds / count, processor / count, peak, messages]


if __name__ == "__main__":
    main()
