"""Evaluation: a found architecture, trained from scratch and measured."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from bench.data.splits import EvaluationData, SearchData, Split
from bench.seeds import derive
from bench.space.compact import compact
from bench.space.network import DiscreteNetwork
from bench.training.checkpoint import Checkpoint
from bench.training.discrete import MEASURE_BATCH, EvaluationArguments, Training, prepare
from bench.training.measure import (
    batch_seconds,
    count_mobile,
    count_nonzero,
    flops,
    layer_table,
    measure,
)
from bench.training.trainer import History, Report, no_report

SETTLING = 2048
"""Training images that a method may use before a measurement between epochs."""


@dataclass
class EvaluationOutcome:
    """Everything that the record's `evaluation` holds, and the trained network."""

    history: History
    result: dict[str, Any]
    network: DiscreteNetwork


def evaluate(
    arguments: EvaluationArguments[EvaluationData],
    report: Report = no_report,
    checkpoint: Checkpoint | None = None,
) -> EvaluationOutcome:
    """Train the genotype from scratch and measure it on validation and test images.

    Raises NonFiniteLoss.
    """
    method, data = arguments.method, arguments.data
    training = prepare(arguments, report, checkpoint)
    history = training.trainer.run()
    network = training.network
    network.noise.reseed(derive("evaluation", arguments.seed), "measuring")  # resumed or not
    network.eval()
    training.settle()
    before_zeroing = training.measure(data.test)
    held_out = data.search.validation if arguments.config.train_on == "train" else None
    path = zeroing_path(training, data.test, held_out)
    training.zero()
    layers = layer_table(network)
    result = {
        "test": training.measure(data.test),
        "validation": training.measure(held_out) if held_out is not None else None,
        "test_before_zeroing": before_zeroing,
        "parameters": sum(row["parameters"] for row in layers),
        "nonzero_parameters": count_nonzero(layers),
        "flops": flops(network, data.search.shape),
        "layers": layers,
        "threshold": method.threshold,
        "zeroing_path": path,
        **_measure_cost(training, data),
    }
    if (budget := arguments.config.parameters) is not None:
        result["width"] = {"channels": network.channels, "budget": budget}
    if arguments.config.skeleton == "mobile":
        scale = arguments.config.cells, network.channels
        result["mobile"] = count_mobile(arguments.genotype, method.task.space, *scale)
    return EvaluationOutcome(history, result, network)


def _measure_cost(training: Training, data: EvaluationData) -> dict[str, Any]:
    """The network without its dead channels, and seconds of a prediction with and without them."""
    how = (data.test, MEASURE_BATCH, training.trainer.options.channels_last)
    inference: dict[str, float] = {
        "images": min(MEASURE_BATCH, len(data.test)),
        "before_seconds": batch_seconds(training.predict, *how),
    }
    if training.method.threshold is None:
        return {"compact": None, "inference": inference}
    smaller = compact(training.network)

    def predict_compactly(images: Tensor) -> Tensor:
        return smaller(images)[0]

    without_dead = {
        "test": measure(predict_compactly, *how),
        "parameters": sum(parameter.numel() for parameter in smaller.parameters()),
        "flops": flops(smaller, data.search.shape),
    }
    inference["after_seconds"] = batch_seconds(predict_compactly, *how)
    return {"compact": without_dead, "inference": inference}


OnAccuracy = Callable[[int, float, float], None]
"""(step from 1, accuracy, seconds of training until then)"""


def validate_all(
    all_arguments: Sequence[EvaluationArguments[SearchData]],
    report: OnAccuracy,
    checkpoints: Sequence[Checkpoint],
) -> Iterator[dict[str, Any]]:
    """`validate` one genotype after another; yields what is measured of each.

    report: is called after every epoch of each with the mean accuracy over those that are finished
    and the one under way. Raises NonFiniteLoss.
    """
    rows: list[dict[str, Any]] = []

    def reached(epoch: int, accuracy: float, seconds: float) -> None:
        before = sum(arguments.config.epochs for arguments in all_arguments[: len(rows)])
        mean = (sum(row["accuracy"] for row in rows) + accuracy) / (len(rows) + 1)
        report(before + epoch, mean, sum(row["seconds"] for row in rows) + seconds)

    for arguments, checkpoint in zip(all_arguments, checkpoints, strict=True):
        row = validate(arguments, reached, checkpoint)
        rows.append(row)
        yield row


def validate(
    arguments: EvaluationArguments[SearchData],
    report: OnAccuracy,
    checkpoint: Checkpoint | None = None,
) -> dict[str, Any]:
    """Train the genotype from scratch and measure it on validation images, after every epoch too.

    Epochs before an interruption are reported again. Raises NonFiniteLoss.
    """
    data, training = arguments.data, prepare(arguments, checkpoint=checkpoint)
    trainer, network = training.trainer, training.network
    reported = 0

    def measure_epoch(epoch: int) -> dict[str, Any]:
        training.settle(SETTLING)
        return {"accuracy": float(training.measure(data.validation)["accuracy"])}

    def report_until(epoch: int, metrics: Mapping[str, float]) -> None:
        nonlocal reported
        for row in trainer.history.epochs[reported:epoch]:
            reported += 1
            seconds = sum(row["seconds"] for row in trainer.history.epochs[:reported])
            report(reported, row["accuracy"], seconds)

    trainer.hooks.after, trainer.hooks.report = measure_epoch, report_until
    history = trainer.run()
    report_until(len(history.epochs), {})
    network.noise.reseed(derive("evaluation", arguments.seed), "measuring")  # resumed or not
    training.settle()
    training.zero()
    layers = layer_table(network)
    quality = training.measure(data.validation)
    return {
        "accuracy": quality["accuracy"],
        "nll": quality["nll"],
        "parameters": sum(row["parameters"] for row in layers),
        "nonzero": count_nonzero(layers),
        "seconds": history.seconds,
    }


def zeroing_path(training: Training, test: Split, held_out: Split | None) -> list[dict[str, Any]]:
    """Quality and non-zero parameters at each of the method's thresholds.

    held_out: validation images; None: all were trained on, and there is no validation quality.

    The network is as before afterwards. The path describes; nothing is chosen by it.
    """
    network, method = training.network, training.method
    kept = {name: value.clone() for name, value in network.state_dict().items()}
    rows = []
    for threshold in method.thresholds:
        method.zero(network, threshold)
        training.settle()
        rows.append(
            {
                "threshold": threshold,
                "nonzero_parameters": count_nonzero(layer_table(network)),
                "test": training.measure(test),
                "validation": training.measure(held_out) if held_out is not None else None,
            }
        )
    network.load_state_dict(kept)
    return rows
