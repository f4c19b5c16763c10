"""Evaluation: a found architecture, trained from scratch and measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from bench.data.augmentation import Augmentation
from bench.data.config import DataConfig
from bench.data.splits import EvaluationData, Split
from bench.method import Method
from bench.seeds import derive
from bench.space.genotype import Genotype
from bench.space.network import DiscreteNetwork
from bench.training.checkpoint import Checkpoint
from bench.training.config import EvaluationConfig
from bench.training.measure import flops, layer_table, measure
from bench.training.search import uses_channels_last
from bench.training.trainer import History, Hooks, Trainer, TrainerOptions

MEASURE_BATCH = 256


@dataclass
class EvaluationOutcome:
    """Everything that the record's `evaluation` holds, and the trained network."""

    history: History
    result: dict[str, Any]
    network: DiscreteNetwork


def build_network(
    genotype: Genotype,
    method: Method,
    config: EvaluationConfig,
    data: EvaluationData,
    seed: int,
    stem_multiplier: int,
) -> DiscreteNetwork:
    """The discrete network on the data's device, initialised by the seed alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive("evaluation", seed, "weights"))
        network = DiscreteNetwork(
            genotype,
            config.cells,
            config.channels,
            data.search.shape,
            data.search.classes,
            stem_multiplier=stem_multiplier,
            auxiliary=config.auxiliary_weight > 0,
            layers=method.network_layers(),
            noise=method.task.noise,
        )
    return network.to(data.test.device)


def evaluate(
    genotype: Genotype,
    method: Method,
    config: EvaluationConfig,
    data: EvaluationData,
    augmentation: DataConfig,
    seed: int,
    report: Callable[[int, Mapping[str, float]], None] = lambda epoch, metrics: None,
    checkpoint: Checkpoint | None = None,
    stem_multiplier: int = 3,
) -> EvaluationOutcome:
    """Train the genotype from scratch and measure it on validation and test images.

    The method contributes its layers, its phases and what it sets to zero at the end; all else is
    the study's. Raises NonFiniteLoss.
    """
    network = build_network(genotype, method, config, data, seed, stem_multiplier)
    if config.compile:
        network.compile()
    part = "train" if config.train_on == "train" else "all"
    channels_last = uses_channels_last(config.channels_last, data.test.device)

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
    )
    trainer = Trainer(
        method.network_phases(network, config, part, len(data.part(part))),
        data.part,
        {"network": network},
        options,
        network.noise,
        Hooks(before=before, report=report),
        checkpoint,
    )
    history = trainer.run()
    network.eval()

    def predict(images: Tensor) -> Tensor:
        logits: Tensor = network(images)[0]
        return logits

    def on(split: Split) -> dict[str, float | int]:
        return measure(predict, split, MEASURE_BATCH, channels_last)

    def settle() -> None:
        batches = data.part(part).sequential(MEASURE_BATCH)
        method.settle(network, (batch.images for batch in batches))
        network.eval()

    settle()
    before_zeroing = on(data.test)
    details = method.finish(network)
    settle()
    layers = layer_table(network)
    result = {
        "test": on(data.test),
        "validation": on(data.search.validation) if part == "train" else None,
        "test_before_zeroing": before_zeroing,
        "parameters": sum(row["parameters"] for row in layers),
        "nonzero_parameters": sum(row["parameters"] - row["zeros"] for row in layers),
        "flops": flops(network, data.search.shape),
        "layers": layers,
        "details": details,
    }
    return EvaluationOutcome(history, result, network)
