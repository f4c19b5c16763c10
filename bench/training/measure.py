"""What is measured of a network: quality, calibration, parameters, zeros, FLOPs, seconds."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from bench.data.splits import Split
from bench.space.building import build_network
from bench.space.config import SpaceConfig
from bench.space.cpu.memory_format import arrange
from bench.space.genotype import Genotype
from bench.space.network import DiscreteCell, DiscreteNetwork, Normalised
from bench.space.options import NetworkOptions

CALIBRATION_BINS = 15
"""Of equal width over confidences from 0 to 1 (Guo, Pleiss, Sun, Weinberger 2017)."""

REPEATS = 5
"""Predictions whose median time counts."""

MOBILE_IMAGES = (3, 224, 224)
MOBILE_CLASSES = 1000
"""What the papers count their mobile networks on: ImageNet."""

Predict = Callable[[Tensor], Tensor]
"""Images [batch, channels, height, width] -> logits [batch, classes]."""


@torch.no_grad()
def measure(
    predict: Predict, split: Split, batch_size: int, channels_last: bool | None = None
) -> dict[str, float | int]:
    """accuracy (fraction), nll (mean, nats), ece (fraction) and images of logits on a split.

    ece is the expected calibration error: over bins of confidence, the mean of |share that is right
    - mean confidence|, weighted by the images in the bin. One read from the device at the end.
    channels_last: as of `memory_format.arrange`. Raises ValueError for an empty split.
    """
    totals: Tensor | None = None
    for images, labels in split.sequential(batch_size):
        logits = predict(arrange(images, channels_last)).float()
        right = logits.argmax(-1) == labels
        loss = F.cross_entropy(logits, labels, reduction="sum").double()
        part = torch.cat([loss[None], right.sum().double()[None], _gaps(logits, right)])
        totals = part if totals is None else totals + part
    if totals is None:
        raise ValueError("the split is empty")
    loss_sum, right_sum, *gaps = totals.tolist()
    return {
        "accuracy": right_sum / len(split),
        "nll": loss_sum / len(split),
        "ece": sum(map(abs, gaps)) / len(split),
        "images": len(split),
    }


@torch.no_grad()
def measure_lanes(
    predict: Predict, split: Split, batch_size: int, channels_last: bool | None = None
) -> list[float]:
    """Accuracies (fractions) of several networks whose logits are [lanes, batch, classes]."""
    right: Tensor | None = None
    for images, labels in split.sequential(batch_size):
        count = (predict(arrange(images, channels_last)).argmax(-1) == labels).sum(-1)
        right = count if right is None else right + count
    if right is None:
        raise ValueError("the split is empty")
    return [count / len(split) for count in right.tolist()]


@torch.no_grad()
def batch_seconds(
    predict: Predict, split: Split, batch_size: int, channels_last: bool | None = None
) -> float:
    """Median wall-clock seconds of `REPEATS` predictions of the split's first batch.

    One prediction before them is not counted; the device is waited for.
    """
    images = arrange(next(iter(split.sequential(batch_size))).images, channels_last)

    def once() -> float:
        started = time.perf_counter()
        predict(images)
        if images.device.type == "cuda":
            torch.cuda.synchronize(images.device)
        return time.perf_counter() - started

    once()
    return statistics.median(once() for _ in range(REPEATS))


def _gaps(logits: Tensor, right: Tensor) -> Tensor:
    """Right predictions minus confidences, summed in each bin of confidence: [bins]."""
    confidence = logits.softmax(-1).amax(-1).nan_to_num()  # what is not finite shows in the nll
    numbers = (confidence * CALIBRATION_BINS).long().clamp(max=CALIBRATION_BINS - 1)
    bins = F.one_hot(numbers, CALIBRATION_BINS).double()
    return bins.T @ (right.double() - confidence.double())


def layer_table(network: DiscreteNetwork) -> list[dict[str, Any]]:
    """One row per weight tensor that is deployed: name, operation, parameters, zeros.

    The auxiliary head is left out (it is not part of the network that predicts), and so are
    variances of variational layers: what counts is the network of the means.
    """
    return [
        {
            "name": name,
            "operation": _operation(network, name),
            "parameters": parameter.numel(),
            "zeros": int((parameter == 0).sum()) if name.endswith("weight") else 0,
        }
        for name, parameter in deployed(network)
    ]


def count_nonzero(rows: list[dict[str, Any]]) -> int:
    """Parameters of a `layer_table` that are not zero."""
    return sum(row["parameters"] - row["zeros"] for row in rows)


def deployed(network: DiscreteNetwork) -> list[tuple[str, nn.Parameter]]:
    """The parameters that the network predicts with."""
    return [
        (name, parameter)
        for name, parameter in network.named_parameters()
        if not name.startswith("auxiliary.") and not name.endswith("log_variance")
    ]


def _operation(network: DiscreteNetwork, name: str) -> str:
    parts = name.split(".")
    if parts[0] != "cells":
        return parts[0]
    if parts[2] == "preprocess":
        return "preprocess"
    cell = network.cells[int(parts[1])]
    assert isinstance(cell, DiscreteCell)
    return cell.names[int(parts[3])][int(parts[4])]


@torch.no_grad()
def flops(network: DiscreteNetwork, shape: tuple[int, int, int]) -> int:
    """Floating-point operations of one image's forward pass (a multiply-add counts as two)."""
    parameter = next(network.parameters())
    images = torch.zeros(1, *shape, device=parameter.device, dtype=parameter.dtype)
    was_training = network.training
    network.eval()
    with FlopCounterMode(display=False) as counter:
        network(images)
    network.train(was_training)
    return int(counter.get_total_flops())


@torch.no_grad()
def count_mobile(
    genotype: Genotype, space: SpaceConfig, cells: int, channels: int
) -> dict[str, int]:
    """Sizes of the genotype's mobile network on ImageNet's images, whatever it is trained on.

    multiply_adds: of convolutions and the linear layer. with_normalisation: and two operations for
    every element that is normalised, one for every element of a ReLU; so counted, P-DARTS and
    PC-DARTS have the numbers that their papers print. parameters: without the auxiliary head.
    """
    options = NetworkOptions(cells, channels, MOBILE_IMAGES, MOBILE_CLASSES, skeleton="mobile")
    with torch.device("meta"):  # no number is computed
        network = build_network(genotype, space, options)
    elements = 0

    def count(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal elements
        if isinstance(module, Normalised):
            elements += 2 * output.numel() + module.relu * inputs[0].numel()

    for module in network.modules():
        module.register_forward_hook(count)
    multiply_adds = flops(network, MOBILE_IMAGES) // 2
    return {
        "multiply_adds": multiply_adds,
        "with_normalisation": multiply_adds + elements,
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
    }
