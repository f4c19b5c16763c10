"""A discrete network and its training: what evaluation and tuning share. No test image is here."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from bench.data.augmentation import Augmentation
from bench.data.config import DataConfig
from bench.data.splits import SearchData, Split
from bench.method import Method
from bench.seeds import derive
from bench.space.building import build_network
from bench.space.genotype import Genotype
from bench.space.network import DiscreteNetwork
from bench.training.checkpoint import Checkpoint
from bench.training.config import EvaluationConfig
from bench.training.measure import measure
from bench.training.search import uses_channels_last
from bench.training.trainer import Hooks, NonFiniteLoss, Trainer, TrainerOptions

MEASURE_BATCH = 256

Quality = dict[str, float | int]
"""accuracy (fraction), nll (nats an image), images"""


def build_discrete(
    genotype: Genotype,
    method: Method,
    config: EvaluationConfig,
    data: SearchData,
    seed: int,
) -> DiscreteNetwork:
    """The discrete network on the data's device, initialised by the seed alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive("evaluation", seed, "weights"))
        network = build_network(
            genotype,
            method.task.space,
            config.cells,
            config.channels,
            data.shape,
            data.classes,
            auxiliary=config.auxiliary_weight > 0,
            layers=method.network_layers(),
            noise=method.task.noise,
        )
    return network.to(data.train.device)


@dataclass
class Training:
    """A network with its trainer, and how it is measured. `images`: those that it is trained on."""

    network: DiscreteNetwork
    method: Method
    trainer: Trainer
    images: Split
    channels_last: bool

    def settle(self, at_most: int | None = None) -> None:
        """What the method does before a measurement, with the first `at_most` training images."""
        images = self.images
        if at_most is not None:
            images = Split(images.pool, images.indices[:at_most])
        batches = images.sequential(MEASURE_BATCH)
        self.method.settle(self.network, (batch.images for batch in batches))
        self.network.eval()

    def zero(self) -> None:
        """Set to zero what the method counts as dead, at its own threshold."""
        if self.method.threshold is not None:
            self.method.zero(self.network, self.method.threshold)
            self.settle()

    def predict(self, images: Tensor) -> Tensor:
        """Logits [batch, classes]."""
        logits: Tensor = self.network(images)[0]
        return logits

    def measure(self, split: Split) -> Quality:
        """Quality on a split, in evaluation mode. Raises NonFiniteLoss."""
        found = measure(self.predict, split, MEASURE_BATCH, self.channels_last)
        if not math.isfinite(found["nll"]):  # the last step's damage shows in no training loss
            raise NonFiniteLoss(f"the trained network's loss became {found['nll']}")
        return found


def prepare(
    genotype: Genotype,
    method: Method,
    config: EvaluationConfig,
    data: SearchData,
    part: str,
    parts: Callable[[str], Split],
    augmentation: DataConfig,
    seed: int,
    report: Callable[[int, Mapping[str, float]], None],
    checkpoint: Checkpoint | None,
) -> Training:
    """The network before its first step. `parts` gives the images of `part`, and no others."""
    network = build_discrete(genotype, method, config, data, seed)
    if config.compile:
        network.compile()
    images = parts(part)
    channels_last = uses_channels_last(config.channels_last, images.device)

    def before(epoch: int) -> None:
        method.progress = (epoch - 1) / config.epochs
        network.drop_path = config.drop_path * (epoch - 1) / config.epochs

    options = TrainerOptions(
        epochs=config.epochs,
        batch_size=config.batch_size,
        augmentation=Augmentation(augmentation.crop_padding, augmentation.flip, config.cutout),
        precision=config.precision,
        channels_last=channels_last,
        seed=derive("evaluation", seed),
        graph=config.graph,
    )
    trainer = Trainer(
        method.network_phases(network, config, part, len(images)),
        parts,
        {"network": network},
        options,
        network.noise,
        Hooks(before=before, report=report),
        checkpoint,
    )
    return Training(network, method, trainer, images, channels_last)
