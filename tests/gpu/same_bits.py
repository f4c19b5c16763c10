"""The same trial twice, and one that was stopped after an epoch and goes on: the same bits."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import torch
from support import tiny

from bench.training import checkpoint
from gpu.outcome import Outcome

TRIALS: dict[str, tuple[str, dict[str, Any]]] = {
    "darts": ("darts", {}),
    "darts, order 2": ("darts", {"order": 2}),
    "drnas": ("drnas", {}),
    "gdas": ("gdas", {}),
    "vinnas, Gaussian weights": ("vinnas", {"variational_weights": True}),
    "pgnas": ("pgnas", {}),
}


def check(name: str, device: torch.device, folder: Path) -> list[Outcome]:
    """Three runs of one trial: as it is, again, and stopped after the first epoch of each stage."""
    checkpoint.SECONDS_BETWEEN = 0.0  # every epoch's state is saved
    method, options = TRIALS[name]
    trial = tiny.trial(method, options, search={"epochs": 2}, evaluation={"epochs": 2})
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        first = tiny.run(trial, folder / "first", device=device)
        again = tiny.run(trial, folder / "again", device=device)
    if first.record.status != "finished":
        return [Outcome(f"same bits, {name}", "failed", str(first.record.error))]
    for stage in ("search", "evaluation"):
        stop = tiny.Interruption(stage, 1)
        try:
            tiny.run(trial, folder / "resumed", stop, device=device)
        except KeyboardInterrupt:
            continue
        return [Outcome(f"resume, {name}", "failed", f"no first epoch of {stage} was reported")]
    seen = tiny.Interruption("none", 0)
    resumed = tiny.run(trial, folder / "resumed", seen, device=device)
    unsure = {
        str(w.message).split(" does not have")[0] for w in caught if "determin" in str(w.message)
    }
    because = f"; torch warns of {', '.join(sorted(unsure))}" if unsure else ""
    outcomes = [_compare(f"same trial twice, {name}", first, again, because)]
    if seen.seen != [("evaluation", 2)]:
        failed = f"it trained {seen.seen} again instead of the last epoch alone"
        return [*outcomes, Outcome(f"resume, {name}", "failed", failed)]
    return [*outcomes, _compare(f"stop and resume, {name}", first, resumed, because)]


def _compare(name: str, one: Any, other: Any, because: str) -> Outcome:
    same = tiny.lasting(one.record) == tiny.lasting(other.record)
    if same and one.posterior == other.posterior:
        return Outcome(name, "passed", "the same bits")
    return Outcome(name, "differs", f"records or posteriors are not the same{because}")
