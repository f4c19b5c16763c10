"""What a batch costs: order, gathering, augmentation, normalisation, memory format."""

from __future__ import annotations

from bench.data.augmentation import Augmentation
from bench.space.cpu.memory_format import arrange
from bench.speed.context import Context
from bench.speed.report import Row, Section
from bench.speed.scales import Scale, data_of
from bench.speed.steps import make
from bench.speed.timing import alternate, seconds

AUGMENTATION = Augmentation(crop_padding=4, flip=True, cutout=16)
"""DARTS's for CIFAR-10."""

BATCHES = 20


def data_path(context: Context, scale: Scale) -> list[Row]:
    """Images a second of an augmented epoch, and two batches' share of a first-order step."""
    train = data_of(scale, context.device, BATCHES * scale.batch).train
    step = make("darts", scale, context.device)

    def epoch() -> None:
        for images, _ in train.epoch(scale.batch, 0, 1, AUGMENTATION):
            arrange(images)

    def batches() -> dict[str, float]:
        return {"two batches": 2 * seconds(epoch, context.device) / BATCHES}

    def stepping() -> dict[str, float]:
        return {"step": seconds(step.step, context.device)}

    samples = alternate({"data": batches, "darts": stepping}, context.repeats, context.tick)
    pairs, steps = samples["data"]["two batches"], samples["darts"]["step"]
    section = Section("data", scale.name, "darts, order 1")
    rate = [2 * scale.batch / pair for pair in pairs]
    return [
        section.row("darts, order 1", "step", steps),
        section.row("data of a step", "time", pairs, against=steps),
        section.row("data of a step", "images a second", rate, "1/s"),
    ]
