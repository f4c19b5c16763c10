"""Evaluation: a found architecture, trained from scratch and measured."""

from __future__ import annotations

import math
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
from bench.space.building import build_network
from bench.space.compact import compact
from bench.space.genotype import Genotype
from bench.space.network import DiscreteNetwork
from bench.training.checkpoint import Checkpoint
from bench.training.config import EvaluationConfig
from bench.training.measure import flops, layer_table, measure
from bench.training.search import uses_channels_last
from bench.training.trainer import History, Hooks, NonFiniteLoss, Trainer, TrainerOptions

MEASURE_BATCH = 256


@dataclass
class EvaluationOutcome:
    """Everything that the record's `evaluation` holds, and the trained network."""

    history: History
    result: dict[str, Any]
    network: DiscreteNetwork


def build_evaluated(
    genotype: Genotype,
    method: Method,
    config: EvaluationConfig,
    data: EvaluationData,
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
            data.search.shape,
            data.search.classes,
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
) -> EvaluationOutcome:
    """Train the genotype from scratch and measure it on validation and test images.

    The method contributes its layers, its phases and what it sets to zero at the end; all else is
    the study's. Raises NonFiniteLoss.
    """
    network = build_evaluated(genotype, method, config, data, seed)
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
        graph=config.graph,
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
    network.noise.reseed(derive("evaluation", seed), "measuring")  # as well after a resumption
    network.eval()

    def predict(images: Tensor) -> Tensor:
        logits: Tensor = network(images)[0]
        return logits

    def on(split: Split) -> dict[str, float | int]:
        found = measure(predict, split, MEASURE_BATCH, channels_last)
        if not math.isfinite(found["nll"]):  # the last step's damage shows in no training loss
            raise NonFiniteLoss(f"the trained network's loss became {found['nll']}")
        return found

    def settle() -> None:
        batches = data.part(part).sequential(MEASURE_BATCH)
        method.settle(network, (batch.images for batch in batches))
        network.eval()

    settle()
    before_zeroing = on(data.test)
    path = zeroing_path(
        network, method, settle, lambda: (on(data.test), on(data.search.validation))
    )
    if method.threshold is not None:
        method.zero(network, method.threshold)
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
        "threshold": method.threshold,
        "zeroing_path": path,
        "compact": None,
    }
    if method.threshold is not None:
        smaller = compact(network)

        def predict_compactly(images: Tensor) -> Tensor:
            logits: Tensor = smaller(images)[0]
            return logits

        result["compact"] = {
            "test": measure(predict_compactly, data.test, MEASURE_BATCH, channels_last),
            "parameters": sum(parameter.numel() for parameter in smaller.parameters()),
            "flops": flops(smaller, data.search.shape),
        }
    return EvaluationOutcome(history, result, network)


Quality = dict[str, float | int]


def zeroing_path(
    network: DiscreteNetwork,
    method: Method,
    settle: Callable[[], None],
    qualities: Callable[[], tuple[Quality, Quality]],
) -> list[dict[str, Any]]:
    """Test and validation quality and non-zero parameters at each of the method's thresholds.

    The network is as before afterwards. The path describes; nothing is chosen by it.
    """
    if not method.thresholds:
        return []
    kept = {name: value.clone() for name, value in network.state_dict().items()}
    rows = []
    for threshold in method.thresholds:
        method.zero(network, threshold)
        settle()
        test, validation = qualities()
        layers = layer_table(network)
        rows.append(
            {
                "threshold": threshold,
                "nonzero_parameters": sum(row["parameters"] - row["zeros"] for row in layers),
                "test": test,
                "validation": validation,
            }
        )
    network.load_state_dict(kept)
    return rows
