"""What a batch costs: order, gathering, augmentation, normalisation, memory format."""

from __future__ import annotations

from collections.abc import Iterator

from bench.data.augmentation import Augmentation
from bench.data.splits import Batch, SearchData
from bench.space.cpu.memory_format import channels_last as laid_out
from bench.speed.context import Context
from bench.speed.rows import Row, row
from bench.speed.scales import Scale, data_of
from bench.speed.steps import make
from bench.speed.timing import alternate, seconds

AUGMENTATION = Augmentation(crop_padding=4, flip=True, cutout=16)
"""DARTS's for CIFAR-10."""

BATCHES = 20


def data_path(context: Context, scale: Scale) -> list[Row]:
    """Images a second of an augmented epoch, and two batches' share of a first-order step."""
    data = data_of(scale, context.device, BATCHES * scale.batch)
    step = make("darts", scale, context.device)
    channels_last = context.device.type == "cpu"

    def batches() -> dict[str, float]:
        spent = seconds(lambda: list(_batches(data, scale, channels_last)), context.device)
        return {"two batches": 2 * spent / BATCHES}

    def stepping() -> dict[str, float]:
        return {"step": seconds(step.step, context.device)}

    found = alternate({"data": batches, "darts": stepping}, context.repeats, context.tick)
    pairs, steps = found["data"]["two batches"], found["darts"]["step"]
    rate = [2 * scale.batch / pair for pair in pairs]
    return [
        row("data", scale.name, "darts, order 1", "step", "s", steps),
        row("data", scale.name, "data of a step", "time", "s", pairs, ("darts, order 1", steps)),
        row("data", scale.name, "data of a step", "images a second", "1/s", rate),
    ]


def _batches(data: SearchData, scale: Scale, channels_last: bool) -> Iterator[Batch]:
    for images, labels in data.train.epoch(scale.batch, 0, 1, AUGMENTATION):
        if channels_last:
            images = laid_out(images)
        yield Batch(images, labels)
