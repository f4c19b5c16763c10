"""How a first-order DARTS step grows with the super-network and the batch."""

from __future__ import annotations

from dataclasses import replace

from bench.speed.context import Context
from bench.speed.report import Row, Section
from bench.speed.roofline.steps import measure_steps
from bench.speed.scales import Scale
from bench.speed.steps import make

ALONE = "as it is"


def sizes(scale: Scale) -> dict[str, Scale]:
    """The scale and its neighbours, by name; the first is the scale itself.

    One cell has no half.
    """
    by_name = {ALONE: scale}
    for channels in (scale.channels // 2, 2 * scale.channels):
        by_name[f"{channels} channels"] = replace(scale, channels=channels)
    for cells in (scale.cells // 2, 2 * scale.cells):
        if cells:
            by_name[f"{cells} cells"] = replace(scale, cells=cells)
    for batch in (scale.batch // 2, 2 * scale.batch):
        by_name[f"batch {batch}"] = replace(scale, batch=batch)
    return by_name


def growth(context: Context, scale: Scale) -> list[Row]:
    """Steps at half and twice the channels, cells and batch."""
    steps = {name: make("darts", size, context.device).step for name, size in sizes(scale).items()}
    return measure_steps(context, Section("growth", scale.name, ALONE), steps)
