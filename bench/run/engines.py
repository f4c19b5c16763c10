"""Which pool runs the jobs: of this machine, or of a cluster."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bench.cluster.file import Cluster, RayCluster
from bench.errors import ConfigurationError
from bench.run import machine
from bench.run.pool import LocalPool
from bench.run.schedule import Pool
from bench.run.worker import Workplace


@dataclass(frozen=True)
class Engine:
    """Where jobs are run. device: cpu, cuda or auto; workers: of this machine, None: as it can."""

    device: str = "auto"
    workers: int | None = None
    cluster: Cluster | None = None

    def __post_init__(self) -> None:
        """Raises ConfigurationError."""
        if self.cluster is not None and self.workers is not None:
            raise ConfigurationError(
                "--workers is of this machine: with --cluster, its file says parallel"
            )

    def plan(self, threads: int, jobs: int) -> list[str]:
        """A kind of device for each of the jobs that run at a time, as far as it is known here."""
        if self.cluster is None:
            return machine.devices(self.device, self.workers, threads, jobs)
        kind = "cuda" if self.device == "cuda" or self.cluster.gpus else "cpu"
        return [kind] * min(self.cluster.parallel, jobs)

    def open(
        self, workplace: Workplace, threads: int, jobs: int, say: Callable[[str], None]
    ) -> Pool:
        """A pool for so many jobs of so many threads each; `say` shows a line to the user.

        Raises ConfigurationError, or ClusterError where the cluster cannot be reached.
        """
        if self.cluster is None:
            devices = machine.devices(self.device, self.workers, threads, jobs)
            return LocalPool(devices, workplace)
        if isinstance(self.cluster, RayCluster):
            from bench.cluster.ray.pool import RayPool

            return RayPool(self.cluster, workplace, self.device, threads, say)
        from bench.cluster.slurm.pool import SlurmPool

        return SlurmPool(self.cluster, workplace, self.device, threads, say)
