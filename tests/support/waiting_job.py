"""A job that waits for its end in its first or second epoch: `python -m support.waiting_job TASK`.

The process works on a pickled task as a SLURM job does.
"""

from __future__ import annotations

import pickle
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.cluster.slurm import node
from bench.run.messages import EpochDone


def run(
    epochs: int,
    *,
    device: Any,
    data_root: Path | None,
    folder: Path,
    report: Callable[[EpochDone], None],
) -> str:
    """Finish so many epochs, and wait in the next; with -1 return at once."""
    if epochs < 0:
        return "returned"
    for epoch in range(epochs + 1):
        report(EpochDone("search", epoch, 9, {"loss": float("nan")}))
    threading.Event().wait()
    return ""


if __name__ == "__main__":
    task = pickle.loads(Path(sys.argv[1]).read_bytes())
    node.work(task, "two", float(sys.argv[2]))
