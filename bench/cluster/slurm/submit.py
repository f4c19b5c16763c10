"""Jobs are submitted to SLURM through submitit, as arrays; its files are removed in the end."""

from __future__ import annotations

import contextlib
import io
import math
import signal
import threading
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

from bench.cluster.file import SlurmCluster
from bench.cluster.slurm import node
from bench.cluster.slurm.queue import array_of, clean
from bench.cluster.task import Task
from bench.errors import ClusterError

_END_OF_LOG = 4000  # characters


class Submitter:
    """Submits tasks; their files are in `folder`."""

    def __init__(self, cluster: SlurmCluster, name: str, folder: Path, threads: int) -> None:
        """name: of the jobs, in squeue. threads: cores of a job if the cluster's file says none.

        Raises ClusterError.
        """
        try:
            import submitit
        except ImportError as error:
            raise ClusterError(
                "engine: slurm needs submitit: pip install 'bench-bayesian-nas[slurm]'"
            ) from error
        self.folder = folder
        limit, cpus = cluster.time_seconds, cluster.cpus or threads
        self._limit = node.last_chance(limit)
        self._executor = submitit.SlurmExecutor(folder)
        self._executor.update_parameters(
            job_name=name,
            time=math.ceil(limit / 60),  # minutes, as SLURM counts
            cpus_per_task=cpus,
            mem=cluster.memory,
            gpus_per_node=cluster.gpus or None,
            setup=list(cluster.setup) or None,
            signal_delay_s=node.signal_delay(limit),
            srun_args=[f"--cpus-per-task={cpus}"],  # since SLURM 22.05 srun does not ask sbatch
            wckey=None,
            additional_parameters=_name_options(cluster),
        )

    def submit(self, tasks: Sequence[Task], cluster: str, parallel: int) -> list[str]:
        """Submit an array, of which so many run at a time; the tasks' SLURM jobs, in this order.

        Raises ClusterError where SLURM refuses.
        """
        from submitit.core.utils import FailedJobError, FailedSubmissionError

        self._executor.update_parameters(array_parallelism=parallel)
        count = len(tasks)
        arguments = (tasks, [cluster] * count, [self._limit] * count)
        try:
            with _undisturbed():
                jobs = self._executor.map_array(node.work, *arguments)
        except (FailedJobError, FailedSubmissionError) as error:
            self._remove_unsent()
            raise ClusterError(f"SLURM takes no jobs: {clean(str(error))}") from error
        except OSError as error:
            self._remove_unsent()
            problem = error.strerror or error
            raise ClusterError(f"cannot submit jobs from {self.folder}: {problem}") from error
        self._remove_unsent()
        return [job.job_id for job in jobs]

    def log(self, job: str) -> Path:
        """Where a SLURM job's standard error goes."""
        return self.folder / f"{job}_0_log.err"

    def end_of_log(self, job: str) -> str:
        """The end of what a SLURM job has written on standard error."""
        with contextlib.suppress(OSError):
            return self.log(job).read_text(encoding="utf-8", errors="replace")[-_END_OF_LOG:]
        return ""

    def forget(self, job: str, keep_logs: bool = False) -> None:
        """Remove the files of a SLURM job."""
        names = ["submitted.pkl", "0_result.pkl"]
        names += [] if keep_logs else ["0_log.out", "0_log.err"]
        for name in names:
            with contextlib.suppress(OSError):
                (self.folder / f"{job}_{name}").unlink(missing_ok=True)

    def tidy(self, alive: Collection[str]) -> None:
        """Remove all but the files of these jobs and the logs that were kept.

        What an earlier driver could not remove, because it was killed, still has its pickle.
        """
        with contextlib.suppress(OSError):
            for path in self.folder.glob("*.pkl"):
                job = path.name.removesuffix("_submitted.pkl").removesuffix("_0_result.pkl")
                if job not in alive:
                    self.forget(job)
            names = {path.name for path in self.folder.iterdir()}
            scripts = {name for name in names if name.endswith("_submission.sh")}
            used = {array_of(name) for name in names - scripts}
            for script in scripts:
                if array_of(script) not in used:
                    (self.folder / script).unlink(missing_ok=True)
            self.folder.rmdir()

    def _remove_unsent(self) -> None:
        """What submitit leaves of a submission under names of its own: 32 hexadecimal digits."""
        for pattern in (f"{'[0-9a-f]' * 32}.pkl", ".submission_file_*.sh"):
            for path in self.folder.glob(pattern):
                path.unlink(missing_ok=True)


def _name_options(cluster: SlurmCluster) -> dict[str, Any]:
    """The user's options as submitit has names, after our own; a false one is left out."""
    given = {key.lstrip("-").replace("-", "_"): value for key, value in cluster.options.items()}
    ours = {} if "no_requeue" in given else {"requeue": True}
    return {**ours, **{key: value for key, value in given.items() if value is not False}}


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Ctrl-C waits until the jobs that were submitted are known, so that they can be cancelled.

    sbatch is not interrupted either. What submitit prints of an error is not shown: it is raised.
    """
    if threading.current_thread() is not threading.main_thread():
        with contextlib.redirect_stderr(io.StringIO()):
            yield
        return
    interrupted = False

    def note(*_: object) -> None:
        nonlocal interrupted
        interrupted = True

    before = signal.signal(signal.SIGINT, note)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # for sbatch, which inherits it
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        signal.signal(signal.SIGINT, before)
        if interrupted:
            raise KeyboardInterrupt
