"""The groups of checks. Each runs in a process of its own: a device that fails takes one with it.

    python -m gpu.checks GROUP DEVICE OUT UNTIL [ONLY...]

prints one outcome per line on standard output, as JSON. UNTIL: seconds since 1970, after which
nothing is begun; ONLY: labels of the golden trials (default: all).
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import torch

from bench.errors import one_line
from bench.run.trial import set_up
from gpu import modes, records, same_bits, speed, trials
from gpu.outcome import Outcome

Check = Callable[[torch.device, Path], list[Outcome]]

GOLDEN = "records-"
"""Begins the group of a golden study."""


def groups() -> list[str]:
    """In the order in which they run: the most wanted first."""
    golden = [f"{GOLDEN}{study}" for study in trials.studies()]
    first = ["same-bits", golden[0], "bfloat16", "graph", "seeds", "storage", *golden[1:]]
    return [*first, "speed", "compile", "more-speed"]  # compiling takes minutes


def list_checks(
    group: str, device: torch.device, out: Path, only: Sequence[str] = ()
) -> dict[str, Check]:
    """The checks of a group, by name."""
    if group.startswith(GOLDEN):
        study, golden = trials.load(group.removeprefix(GOLDEN))
        wanted = [trial for trial in study if not only or trial.label in only]
        return {
            f"record of {trial.label}": lambda device, folder, trial=trial: [  # type: ignore[misc]
                records.check(trial, golden, device, folder)
            ]
            for trial in wanted
        }
    if group == "same-bits":
        return {name: partial(same_bits.check, name) for name in same_bits.TRIALS}
    if group in modes.MODES:
        return {
            f"{group}, {name}": partial(modes.check, group, name)
            for name in modes.METHODS_OF[group]
        }
    if group in speed.PARTS:
        return {
            f"bench speed, {part}": partial(speed.check, part, out=out)
            for part in speed.PARTS[group]
        }
    return {group: {"seeds": modes.check_seeds, "storage": modes.check_storage}[group]}


def run(name: str, check: Check, device: torch.device, until: float) -> list[Outcome]:
    """One check; an exception is a failure in one line."""
    started = time.time()
    if started >= until:
        return [Outcome(name, "skipped", "the minutes were over")]
    try:
        with tempfile.TemporaryDirectory() as folder:
            outcomes = check(device, Path(folder))
    except Exception as error:
        outcomes = [Outcome(name, "failed", f"{type(error).__name__}: {one_line(error)[:300]}")]
    took = (time.time() - started) / len(outcomes)
    return [dataclasses.replace(outcome, seconds=took) for outcome in outcomes]


def main(group: str, device: str, out: str, until: str, *only: str) -> None:
    answers = sys.stdout
    with contextlib.redirect_stdout(sys.stderr):  # what the checks print is not an outcome
        trials.adopt_methods()
        set_up(1)
        place = torch.device(device)
        for name, check in list_checks(group, place, Path(out), only).items():
            for outcome in run(name, check, place, float(until)):
                print(json.dumps(dataclasses.asdict(outcome)), file=answers, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
