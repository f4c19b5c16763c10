"""One run of `bench speed`: choose the parts, measure them, write what was found."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from bench import capacity
from bench.errors import ConfigurationError, suggest
from bench.run import machine
from bench.space.cpu.freed_memory import keep_memory
from bench.speed import (
    candidates,
    data_path,
    figure,
    growth,
    method_steps,
    networks,
    report,
    variance,
)
from bench.speed.context import Context
from bench.speed.report import Row
from bench.speed.roofline import bounds
from bench.speed.scales import SCALES, Scale, shrunk

Part = Callable[[Context, Scale], list[Row]]

PARTS: dict[str, tuple[Part, float]] = {
    "W1": (networks.measure, 60),
    "W2": (networks.measure, 10),
    "estimators": (method_steps.estimators, 7),
    "methods": (method_steps.methods, 12),
    "collapse": (method_steps.methods, 5),
    "variance": (variance.variance, 20),
    "data": (data_path.data_path, 2),
    "candidates": (candidates.candidates, 5),
    "growth": (growth.growth, 8),
}
"""Name -> what measures it, and its rough share of the whole time."""

SCALES_OF_THEIR_OWN = {**SCALES, "candidates": candidates.STUDY}
"""Of the other parts the user chooses the scale."""


@dataclass(frozen=True)
class Settings:
    """What the command line says; scale: of the parts that are not a scale themselves.

    study: in whose search, on whose data under `data_root`, the part `variance` measures; None: in
    a small one on synthetic images.
    """

    only: str | None
    scale: str
    repeats: int
    threads: int | None
    device: str
    results: Path
    quick: bool
    study: str | None = None
    data_root: Path | None = None


def run(settings: Settings) -> list[Path]:
    """Measure, print and write the table part by part, and return the files written.

    Raises ConfigurationError for settings that cannot be meant, ResultsError where the results'
    folder cannot be written.
    """
    names = parts(settings.only)
    wanted = settings.study if "variance" in names else None
    vinnas = variance.find_trial(wanted) if wanted else None
    device = torch.device(machine.devices(settings.device, 1, 1, 1)[0])
    context = Context(
        device,
        settings.threads or capacity.cores(),
        2 if settings.quick else settings.repeats,
        settings.quick,
        {name: PARTS[name][1] for name in names},
    )
    torch.set_num_threads(context.threads)
    keep_memory()
    if device.type != "cuda":
        context.say("no rows of CUDA graphs, compilation and bfloat16: no CUDA device is used")
    size: Callable[[Scale], Scale] = shrunk if settings.quick else lambda scale: scale
    place = report.folder(settings.results, device)
    if settings.quick:
        place /= "quick"  # what was measured in earnest stays
    paths: list[Path] = []
    for name in names:
        scale = size(SCALES_OF_THEIR_OWN.get(name) or SCALES[settings.scale])
        context.begin(name)
        if name == "variance" and vinnas:
            rows, scale = variance.variance_of_study(context, vinnas, settings.data_root)
            name = f"variance-{scale.name}"
        else:
            rows = PARTS[name][0](context, scale)
        context.end()
        context.clear()
        print("\n".join(filter(None, [report.table(rows), bounds.table(rows)])), end="\n\n")
        sys.stdout.flush()
        paths += report.write(place, name, rows, context, scale, bounds.facts(rows))
    order = [file for name in PARTS for file in sorted(place.glob(f"{name}*.csv"))]
    problem = figure.draw(order, place / "speed.png")
    if problem:
        context.say(problem)
        return paths
    return [*paths, place / "speed.png"]


def parts(only: str | None) -> list[str]:
    """Names of parts, in the order in which they are measured. Raises ConfigurationError."""
    wanted = list(PARTS) if only is None else only.split(",")
    for name in wanted:
        if name not in PARTS:
            raise ConfigurationError(f"--only {name}: no such part; {suggest(name, PARTS)}")
    return [name for name in PARTS if name in wanted]
