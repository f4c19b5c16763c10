"""The file of a cluster, for `--cluster`: which engine runs jobs, where, with how much each."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import Any

from bench.errors import suggest
from bench.options import Count, NonNegative, Whole, options
from bench.study import yaml
from bench.study.validation import Place, build

_UNITS = {"K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)([KMGT])")
_ADDRESS = re.compile(r"(ray://)?(?P<host>\[[\da-fA-F:]+\]|[^\s:/\[\]]+):(?P<port>\d{1,5})")
_TIME = re.compile(r"(\d+-)?\d+(:\d\d){0,2}")


@options
class RayCluster:
    """Machines that Ray has joined; `ray start` has been called on each."""

    address: str = "auto"
    """Of the head node, HOST:PORT, or ray://HOST:PORT from outside; auto: of this machine's."""
    cpus: Count | None = None
    """CPU cores of a trial; null: the study's search.threads."""
    gpus: NonNegative = 0.0
    """GPUs of a trial; 0.5 puts two trials on one."""
    memory: str | None = None
    """Main memory of a trial, as 16G."""
    retries: Whole = 3
    """How often a trial goes on elsewhere when its node or worker is lost."""
    parallel: Count = 64
    """Trials that are given to Ray at a time, at most."""
    autoscales: bool = False
    """Ray starts further nodes on demand: a trial may ask for more than today's nodes have."""
    runtime_env: dict[str, Any] = field(default_factory=dict)
    """Handed to Ray: working_dir, pip, env_vars, ... for nodes where bench is not installed."""

    def __post_init__(self) -> None:
        """Raises ValueError."""
        _check_size(self.memory)
        if self.address != "auto" and not _ADDRESS.fullmatch(self.address):
            raise ValueError(
                f"address = {self.address}: must be HOST:PORT, ray://HOST:PORT or auto"
            )

    @property
    def endpoint(self) -> tuple[str, int] | None:
        """Host and port of the address; None where it is auto."""
        match = _ADDRESS.fullmatch(self.address)
        return match and (match["host"].strip("[]"), int(match["port"]))

    @property
    def memory_bytes(self) -> int | None:
        """The memory of a trial."""
        if self.memory is None:
            return None
        number, unit = _SIZE.fullmatch(self.memory).groups()  # type: ignore[union-attr]
        return int(float(number) * _UNITS[unit])


@options
class SlurmCluster:
    """Machines behind SLURM, which share a file system with this one."""

    cpus: Count | None = None
    """CPU cores of a trial; null: the study's search.threads."""
    gpus: Whole = 0
    """GPUs of a trial."""
    memory: str | None = None
    """Main memory of a trial, as 16G; null: the partition's default."""
    time: str = "12:00:00"
    """Limit of a job, [DAYS-]HOURS:MINUTES:SECONDS; a trial that reaches it is queued again."""
    retries: Whole = 3
    """How often a trial is submitted again when its node is lost and SLURM does not requeue it."""
    parallel: Count = 64
    """Jobs at a time, at most."""
    options: dict[str, str | int | bool] = field(default_factory=dict)
    """Handed to sbatch: {partition: low, account: x}; true for an option without a value."""
    setup: list[str] = field(default_factory=list)
    """Lines of shell before the trial, as "module load cuda"."""

    def __post_init__(self) -> None:
        """Raises ValueError."""
        _check_size(self.memory)
        if not _TIME.fullmatch(self.time):
            raise ValueError(f"time = {self.time}: must be [DAYS-]HOURS:MINUTES:SECONDS")
        for name in self.options:
            if rule := _NOT_OPTIONS.get(name.lstrip("-").replace("_", "-")):
                raise ValueError(f"options = {{{name}: ...}}: {rule}")

    @property
    def time_seconds(self) -> float:
        """The limit of a job; SLURM takes 90 for minutes and 90:30 for minutes and seconds."""
        days, _, rest = self.time.rpartition("-")
        numbers = [int(number) for number in rest.split(":")]
        first = 3600 if days or len(numbers) == 3 else 60
        units = (first, first / 60, first / 3600)
        return int(days or 0) * 86400 + sum(n * u for n, u in zip(numbers, units, strict=False))


_OURS = "is set by bench"
_NOT_OPTIONS = {
    **dict.fromkeys(("array", "error", "open-mode", "output", "signal", "wrap"), _OURS),
    **dict.fromkeys(("nodes", "ntasks", "ntasks-per-node"), _OURS),
    **{"cpus-per-task": "say cpus", "mem": "say memory", "time": "say time"},
}
"""sbatch's own names, and what to do instead."""

Cluster = RayCluster | SlurmCluster
ENGINES: Mapping[str, type[RayCluster] | type[SlurmCluster]] = {
    "ray": RayCluster,
    "slurm": SlurmCluster,
}


def load(path: Path) -> Cluster:
    """The cluster that a file describes. Raises ConfigurationError, in one line."""
    data, at = yaml.read(path), Place(str(path))
    engine = data.pop("engine", None)
    if not isinstance(engine, str) or engine not in ENGINES:
        known = ", ".join(ENGINES)
        rule = f"is required: {known}" if engine is None else suggest(str(engine), ENGINES)
        raise (at / "engine").error(rule)
    return build(ENGINES[engine], data, at)


def _check_size(text: str | None) -> None:
    if text is not None and not _SIZE.fullmatch(text):
        raise ValueError(f"memory = {text}: must be a number and K, M, G or T, as 16G")
