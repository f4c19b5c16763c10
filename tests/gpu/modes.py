"""Other ways to run a step or to hold the data, against the plain one: values, and time."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from support import tiny
from torch import Tensor

from bench.data.config import DataConfig
from bench.speed.scales import SCALES, Scale, shrunk
from bench.speed.steps import Mode, Step, make
from bench.speed.timing import Spread, alternate, ratios, seconds, timed
from bench.training.graph import GraphedStep
from gpu.outcome import Outcome

TINY = shrunk(SCALES["W2"])
METHODS: dict[str, tuple[str, dict[str, Any]]] = {
    "darts": ("darts", {}),
    "vinnas, Gaussian weights": ("vinnas", {"variational_weights": True}),
    "pgnas": ("pgnas", {}),
}
TOLERANCE = {"graph": 1e-3, "compile": 1e-3, "bfloat16": 5e-2}
"""Of the values of a step, relative to them or to 1: five steps in each of two epochs. Bfloat16 has
8 bits of mantissa, and only its first step is compared."""

MODES = {
    "bfloat16": Mode(precision="bfloat16"),
    "graph": Mode(graph=True),
    "compile": Mode(compile=True),
}
ROUNDS, WARM_UP = 5, 5
METHODS_OF = {"bfloat16": tuple(METHODS), "graph": tuple(METHODS), "compile": ("darts",)}
"""By mode: a super-network takes minutes to compile."""


def scale(device: torch.device) -> Scale:
    """That at which time is measured: on a CPU it means nothing."""
    return SCALES["W2"] if device.type == "cuda" else TINY


def check(mode: str, method: str, device: torch.device, folder: Path) -> list[Outcome]:
    """A mode of a method's step against the plain one."""
    name = f"{mode}, {method}"
    if mode == "graph" and device.type != "cuda":
        return [Outcome(name, "skipped", "CUDA graphs need a CUDA device")]
    if mode == "compile" and device.type == "cpu":
        why = "a dry run compiles nothing: on two CPU cores it was not done in 20 minutes"
        return [Outcome(name, "skipped", why)]
    kind, options = METHODS[method]
    epochs, steps = (1, 1) if mode == "bfloat16" else (2, 5)
    plain, other = (
        values(make(kind, TINY, device, options, mode=how), epochs, steps)
        for how in (Mode(), MODES[mode])
    )
    gap = max(
        float(((a - b).abs() / a.abs().clamp(min=1)).max())
        for a, b in zip(plain, other, strict=True)
    )
    said = f"values of {len(plain)} steps differ by at most {gap:.1g} (tolerance {TOLERANCE[mode]})"
    if not gap <= TOLERANCE[mode]:
        return [Outcome(name, "differs", said)]
    compared = {
        "plain": make(kind, scale(device), device, options).step,
        mode: make(kind, scale(device), device, options, mode=MODES[mode]).step,
    }
    return [Outcome(name, "passed", f"{said}; {compare_times(compared, device)}")]


def values(step: Step, epochs: int, steps: int) -> list[Tensor]:
    """What each step returns: terms and metrics. Metrics are left out: an image more is a lot."""
    terms = []
    for epoch in range(epochs):
        step.supernet.noise.reseed("epoch", epoch)
        if isinstance(step.trainer.run_step, GraphedStep):
            step.trainer.run_step.begin_epoch()
        for _ in range(steps):
            result = step.step().detach().cpu()
            kept = [key.startswith("terms:") for key in step.trainer.keys]
            terms.append(result[torch.tensor(kept)])
    return terms


def compare_times(works: Mapping[str, Callable[[], object]], device: torch.device) -> str:
    """ "1.2 ms, 0.51 times the plain step's time (0.5 to 0.53)", of the second of two works."""
    samples = alternate(timed(works, device), ROUNDS, lambda share: None, WARM_UP)
    (_, plain), (_, other) = ((name, found["step"]) for name, found in samples.items())
    ratio, time = ratios(other, plain), Spread.of(other).median
    spread = f"{ratio.median:.2f} times the plain one's time ({ratio.low:.2f} to {ratio.high:.2f})"
    return f"a step takes {1e3 * time:.3g} ms, {spread}"


def check_storage(device: torch.device, folder: Path) -> list[Outcome]:
    """Images in host memory: the same bits as in the device's, and what it costs."""
    name = "storage: host"
    if "storage" not in {field.name for field in dataclasses.fields(DataConfig)}:
        return [Outcome(name, "skipped", "data.storage is no option of a study here")]
    trials = {
        place: tiny.trial("darts", data={"storage": place}, search={"epochs": 2})
        for place in ("device", "host")
    }
    done, times = {}, {}
    for place, trial in trials.items():

        def run(trial: Any = trial, place: str = place) -> None:
            done[place] = tiny.run(trial, folder / place, device=device)

        run()
        shutil.rmtree(folder / place, ignore_errors=True)
        times[place] = seconds(run, device)
    for place, outcome in done.items():
        if outcome.record.status != "finished":
            return [Outcome(name, "failed", f"{place}: {outcome.record.error}")]
    same = _measured(done["host"]) == _measured(done["device"])
    said = f"a trial takes {times['host'] / times['device']:.2f} times the time"
    if same:
        return [Outcome(name, "passed", f"the same bits as in the device's memory; {said}")]
    return [Outcome(name, "differs", "not the same bits as in the device's memory")]


def _measured(done: Any) -> tuple[Any, ...]:
    """What does not name the option itself."""
    record = tiny.lasting(done.record)
    return (record["genotype"], record["search"], record["evaluation"], done.posterior)


def check_seeds(device: torch.device, folder: Path) -> list[Outcome]:
    """Several seeds as one program."""
    why = "not built: on a CPU it was slower than one seed after another (bench/README.md, Speed)"
    return [Outcome("batched seeds", "skipped", why)]
