"""Like `tiny_trials`, for groups of trials that are searched together first.

The variable TINY_GROUPS names a file that the groups' seeds are appended to; TINY_TOGETHER is what
a search together does: "" (default) goes well, "kill" ends the worker, anything else is the reason
why it cannot.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bench.run.messages import EpochDone
from bench.study.model import Trial
from support.tiny_trials import run

__all__ = ["run", "search_together"]


def search_together(
    trials: Sequence[Trial],
    *,
    device: Any,
    data_root: Path | None,
    folder: Path,
    report: Callable[[EpochDone], None],
) -> str | None:
    report(EpochDone("search", 1, 2))
    with Path(os.environ["TINY_GROUPS"]).open("a") as file:
        seeds = " ".join(str(trial.seed) for trial in trials)
        file.write(f"{trials[0].label}: {seeds}\n")
    does = os.environ.get("TINY_TOGETHER", "")
    if does == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    return does or None
