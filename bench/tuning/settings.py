"""What `bench tune` is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bench.tuning.plan import Pruner

Per = Literal["trial", "method", "study"]


@dataclass(frozen=True)
class Settings:
    """What is tuned, how hard, and where.

    epochs: of one training; None: the study's. architectures: of a group, at most; None: all.
    storage: an Optuna URL; None: a database beside the results. timeout: seconds after which
    this process begins no further setting. workers: processes, this one among them.
    """

    per: Per = "method"
    trials: int = 20
    epochs: int | None = None
    architectures: int | None = None
    only: tuple[str, ...] = ()
    pruner: Pruner = "median"
    objectives: tuple[str, ...] = ("accuracy",)
    storage: str | None = None
    timeout: float | None = None
    seed: int = 0
    device: str = "auto"
    data_root: Path | None = None
    tracking_uri: str | None = None
    workers: int = 1

    @property
    def name(self) -> str:
        """Of the folder of results."""
        return "-".join([self.per, *self.objectives[1:]])
