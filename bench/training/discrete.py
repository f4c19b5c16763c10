"""A discrete network and its training: what evaluation and tuning share. No test image is here."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Generic, TypeVar

import torch
from torch import Tensor

from bench.data.augmentation import Augmentation
from bench.data.config import DataConfig
from bench.data.splits import EvaluationData, SearchData, Split
from bench.method import Method, Task, sgd_evaluation
from bench.noise import Noise
from bench.seeds import derive
from bench.space.building import build_network
from bench.space.genotype import Genotype
from bench.space.network import DiscreteNetwork
from bench.space.options import NetworkOptions
from bench.training.checkpoint import Checkpoint
from bench.training.config import EvaluationConfig
from bench.training.measure import measure
from bench.training.trainer import (
    History,
    Hooks,
    NonFiniteLoss,
    Report,
    Trainer,
    TrainerOptions,
    no_report,
)
from bench.training.width import choose_channels

MEASURE_BATCH = 256

Data = TypeVar("Data", SearchData, EvaluationData)

Quality = dict[str, float | int]
"""accuracy (fraction), nll (nats an image), images"""


@dataclass(frozen=True)
class EvaluationArguments(Generic[Data]):
    """What the result of a training from scratch is a function of.

    method: contributes its layers, its phases and what it sets to zero at the end; all else is the
    study's. data: with a test part for an evaluation, without one for tuning. augmentation: what of
    a data set's options moves the training images.
    """

    genotype: Genotype
    method: Method
    config: EvaluationConfig
    data: Data
    augmentation: DataConfig
    seed: int

    @property
    def search_data(self) -> SearchData:
        """The data without the test part."""
        return self.data.search if isinstance(self.data, EvaluationData) else self.data


def build_discrete(arguments: EvaluationArguments[Data]) -> DiscreteNetwork:
    """The discrete network on the data's device, initialised by the seed alone.

    Its width is the config's `channels`, or what its budget of parameters allows. Raises
    ConfigurationError where the narrowest network is over the budget.
    """
    config, data, task = arguments.config, arguments.search_data, arguments.method.task
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive("evaluation", arguments.seed, "weights"))
        options = NetworkOptions(
            config.cells,
            config.channels,
            data.shape,
            data.classes,
            auxiliary=config.auxiliary_weight > 0,
            skeleton=config.skeleton,
            layers=arguments.method.network_layers(),
            noise=task.noise,
        )
        if config.parameters is not None:
            budget = config.parameters
            channels = choose_channels(arguments.genotype, task.space, options, budget)
            options = dataclasses.replace(options, channels=channels)
        network = build_network(arguments.genotype, task.space, options)
    return network.to(data.train.device)


@dataclass
class Training:
    """A network with its trainer, and how it is measured. images: those that it is trained on."""

    network: DiscreteNetwork
    method: Method
    trainer: Trainer
    images: Split

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
        return self.network(images)[0]

    def measure(self, split: Split) -> Quality:
        """Quality on a split, in evaluation mode. Raises NonFiniteLoss."""
        channels_last = self.trainer.options.channels_last
        quality = measure(self.predict, split, MEASURE_BATCH, channels_last)
        if not math.isfinite(quality["nll"]):  # the last step's damage shows in no training loss
            raise NonFiniteLoss(f"the trained network's loss became {quality['nll']}")
        return quality


def prepare(
    arguments: EvaluationArguments[Data],
    report: Report = no_report,
    checkpoint: Checkpoint | None = None,
) -> Training:
    """The network before its first step, with the images of `config.train_on` and no others."""
    method, config, part = arguments.method, arguments.config, arguments.config.train_on
    network = build_discrete(arguments)
    if config.compile:
        network.compile()
    images = arguments.data.part(part)

    def before(epoch: int) -> None:
        method.progress = (epoch - 1) / config.epochs
        network.drop_path = config.drop_path * (epoch - 1) / config.epochs

    augmentation = Augmentation.of(arguments.augmentation, config.cutout)
    trainer = Trainer(
        method.network_phases(network, config, part, len(images)),
        arguments.data.part,
        {"network": network},
        TrainerOptions.of(config, augmentation, derive("evaluation", arguments.seed)),
        network.noise,
        hooks=Hooks(before=before, report=report),
        checkpoint=checkpoint,
    )
    return Training(network, method, trainer, images)


def train_briefly(
    genotype: Genotype,
    task: Task,
    budget: EvaluationConfig,
    number: int,
    again: int = 0,
    report: Report = no_report,
) -> tuple[History, float]:
    """Train a candidate of a search; its history and its accuracy on the validation images.

    Arguments as of `prepare_briefly`. The accuracy is a fraction.
    """
    network, trainer = prepare_briefly(genotype, task, budget, number, again, report)
    history = trainer.run()
    network.eval()

    def predict(images: Tensor) -> Tensor:
        logits: Tensor = network(images)[0]
        return logits

    validation, channels_last = task.data.validation, task.search.channels_last
    result = measure(predict, validation, MEASURE_BATCH, channels_last)
    return history, float(result["accuracy"])


def prepare_briefly(
    genotype: Genotype,
    task: Task,
    budget: EvaluationConfig,
    number: int,
    again: int = 0,
    report: Report = no_report,
) -> tuple[DiscreteNetwork, Trainer]:
    """A candidate of a search before the first step of its training.

    budget: epochs and optimiser; scale, batch size and augmentation are the search's. number: of
    the candidate, again: of its training, for their seeds.
    """
    place = (number, again) if again else (number,)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive(task.seed, "candidate", *place))
        scale = NetworkOptions(
            task.space.cells, task.space.channels, task.data.shape, task.classes, noise=Noise()
        )
        network = build_network(genotype, task.space, scale).to(task.data.validation.device)
    options = TrainerOptions(
        epochs=budget.epochs,
        batch_size=task.batch_size,
        augmentation=task.augmentation,
        precision=task.search.precision,
        channels_last=task.search.channels_last,
        seed=derive(task.seed, "short training", *place),
    )
    phases = [sgd_evaluation(network, budget, "train")]
    trainer = Trainer(
        phases,
        task.data.part,
        {"network": network},
        options,
        network.noise,
        hooks=Hooks(report=report),
    )
    return network, trainer
