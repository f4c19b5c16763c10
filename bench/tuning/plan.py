"""What a tuning is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bench.cluster.file import Cluster
from bench.run.engines import Engine

DONE = ("complete", "pruned", "diverged")
"""States of a setting that is not tried again; the others are failed, running, waiting."""


@dataclass(frozen=True)
class Settings:
    """What is tuned, how hard, and where.

    epochs: of one training; None: the study's. architectures: of a group, at most; None: all.
    storage: an Optuna URL; None: a database beside the results. timeout: seconds after which no
    further setting begins. execute: the function of a job, with `train_setting`'s signature.
    """

    per: Literal["trial", "method", "study"] = "method"
    trials: int = 20
    epochs: int | None = None
    architectures: int | None = None
    only: tuple[str, ...] = ()
    pruner: Literal["hyperband", "median", "none"] = "median"
    objectives: tuple[str, ...] = ("accuracy",)
    storage: str | None = None
    timeout: float | None = None
    seed: int = 0
    device: str = "auto"
    workers: int | None = None
    cluster: Cluster | None = None
    data_root: Path | None = None
    tracking_uri: str | None = None
    execute: str = "bench.run.setting:train_setting"

    @property
    def name(self) -> str:
        """Of the folder of results."""
        return "-".join([self.per, *self.objectives[1:]])

    @property
    def engine(self) -> Engine:
        """What trains the settings."""
        return Engine(self.device, self.workers, self.cluster)
