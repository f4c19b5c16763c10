"""Evaluation: a found architecture, trained from scratch and measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from bench.data.config import DataConfig
from bench.data.splits import EvaluationData
from bench.method import Method
from bench.seeds import derive
from bench.space.compact import compact
from bench.space.genotype import Genotype
from bench.space.network import DiscreteNetwork
from bench.training.checkpoint import Checkpoint
from bench.training.config import EvaluationConfig
from bench.training.discrete import MEASURE_BATCH, Quality, prepare
from bench.training.inference import batch_seconds
from bench.training.measure import flops, layer_table, measure
from bench.training.trainer import History


@dataclass
class EvaluationOutcome:
    """Everything that the record's `evaluation` holds, and the trained network."""

    history: History
    result: dict[str, Any]
    network: DiscreteNetwork


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
    part = "train" if config.train_on == "train" else "all"
    training = prepare(
        genotype,
        method,
        config,
        data.search,
        part,
        data.part,
        augmentation,
        seed,
        report,
        checkpoint,
    )
    history = training.trainer.run()
    network = training.network
    network.noise.reseed(derive("evaluation", seed), "measuring")  # as well after a resumption
    network.eval()
    training.settle()
    before_zeroing = training.measure(data.test)
    path = zeroing_path(
        network,
        method,
        training.settle,
        lambda: (training.measure(data.test), training.measure(data.search.validation)),
    )
    training.zero()
    layers = layer_table(network)
    result = {
        "test": training.measure(data.test),
        "validation": training.measure(data.search.validation) if part == "train" else None,
        "test_before_zeroing": before_zeroing,
        "parameters": sum(row["parameters"] for row in layers),
        "nonzero_parameters": sum(row["parameters"] - row["zeros"] for row in layers),
        "flops": flops(network, data.search.shape),
        "layers": layers,
        "threshold": method.threshold,
        "zeroing_path": path,
        "compact": None,
        "inference": {
            "images": min(MEASURE_BATCH, len(data.test)),
            "before_seconds": batch_seconds(
                training.predict, data.test, MEASURE_BATCH, training.channels_last
            ),
        },
    }
    if method.threshold is not None:
        smaller = compact(network)

        def predict_compactly(images: Tensor) -> Tensor:
            logits: Tensor = smaller(images)[0]
            return logits

        result["compact"] = {
            "test": measure(predict_compactly, data.test, MEASURE_BATCH, training.channels_last),
            "parameters": sum(parameter.numel() for parameter in smaller.parameters()),
            "flops": flops(smaller, data.search.shape),
        }
        result["inference"]["after_seconds"] = batch_seconds(
            predict_compactly, data.test, MEASURE_BATCH, training.channels_last
        )
    return EvaluationOutcome(history, result, network)


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
