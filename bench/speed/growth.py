"""How a first-order DARTS step grows with the super-network and the batch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import torch

from bench.speed.context import Context
from bench.speed.report import Row, Section
from bench.speed.scales import Scale
from bench.speed.steps import make
from bench.speed.timing import alternate, seconds, timed
from bench.training.batched.trainer import BatchedTrainer, Unsupported

ALONE = "as it is"
SEEDS = (2, 4)


def sizes(scale: Scale) -> dict[str, Scale]:
    """The scale and its neighbours, by name; the first is the scale itself."""
    by_name = {ALONE: scale}
    for channels in (scale.channels // 2, 2 * scale.channels):
        by_name[f"{channels} channels"] = replace(scale, channels=channels)
    for cells in (max(1, scale.cells // 2), 2 * scale.cells):
        by_name[f"{cells} cells"] = replace(scale, cells=cells)
    for batch in (scale.batch // 2, 2 * scale.batch):
        by_name[f"batch {batch}"] = replace(scale, batch=batch)
    return by_name


def growth(context: Context, scale: Scale) -> list[Row]:
    """Steps at half and twice the channels, cells and batch; several seeds in one program."""
    steps = {name: make("darts", size, context.device).step for name, size in sizes(scale).items()}
    samples = alternate(timed(steps, context.device), context.repeats, context.tick)
    return Section("growth", scale.name, ALONE).rows(samples) + _seeds(context, scale)


def _seeds(context: Context, scale: Scale) -> list[Row]:
    """A step's time for one search, alone and with others in one program.

    On a CPU several at once are slow, and lose: two rounds have to do.
    """
    repeats = context.repeats if context.device.type == "cuda" else min(context.repeats, 2)
    result = []
    for name in ("darts", "vinnas"):
        works = {ALONE: partial(_share, make(name, scale, context.device).step, 1, context.device)}
        for count in SEEDS:
            try:
                together = _together(name, scale, context.device, count)
            except Unsupported as error:
                context.say(f"no rows of {name} with batched seeds: {error}")
                break
            works[f"{count} seeds"] = partial(_share, together, count, context.device)
        samples = alternate(works, repeats, context.tick)
        result += Section(f"seeds of {name}, a step of one", scale.name, ALONE).rows(samples)
    return result


def _together(
    name: str, scale: Scale, device: torch.device, count: int
) -> Callable[[], torch.Tensor]:
    """One step of `count` searches in one program, after the step that checks them."""
    trainer = BatchedTrainer([make(name, scale, device, seed=s).trainer for s in range(count)])
    batches = {part: next(trainer.stream(part, 1)) for part in trainer.splits}
    step = partial(trainer.run_step, batches)
    step()
    return step


def _share(step: Callable[[], object], count: int, device: torch.device) -> dict[str, float]:
    return {"step": seconds(step, device) / count}
