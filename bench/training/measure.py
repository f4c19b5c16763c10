"""Accuracy, negative log-likelihood, parameters, zeros and FLOPs of a network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from bench.data.splits import Split
from bench.memory_format import channels_last as laid_out
from bench.space.network import DiscreteCell, DiscreteNetwork


@torch.no_grad()
def measure(
    predict: Callable[[Tensor], Tensor], split: Split, batch_size: int, channels_last: bool = False
) -> dict[str, float | int]:
    """accuracy (fraction), nll (mean, nats) and images of logits on a split, in order.

    One read from the device at the end.
    """
    totals: Tensor | None = None
    for images, labels in split.sequential(batch_size):
        if channels_last:
            images = laid_out(images)
        logits = predict(images).float()
        right = (logits.argmax(-1) == labels).sum().float()
        part = torch.stack([right, F.cross_entropy(logits, labels, reduction="sum")]).double()
        totals = part if totals is None else totals + part
    if totals is None:
        raise ValueError("the split is empty")
    right_sum, loss_sum = totals.tolist()
    return {
        "accuracy": right_sum / len(split),
        "nll": loss_sum / len(split),
        "images": len(split),
    }


@torch.no_grad()
def measure_lanes(
    predict: Callable[[Tensor], Tensor], split: Split, batch_size: int, channels_last: bool = False
) -> list[float]:
    """Accuracies (fractions) of several networks whose logits are [lanes, batch, classes]."""
    right: Tensor | None = None
    for images, labels in split.sequential(batch_size):
        if channels_last:
            images = images.contiguous(memory_format=torch.channels_last)
        found = (predict(images).argmax(-1) == labels).sum(-1)
        right = found if right is None else right + found
    if right is None:
        raise ValueError("the split is empty")
    return [count / len(split) for count in right.tolist()]


def layer_table(network: DiscreteNetwork) -> list[dict[str, Any]]:
    """One row a weight tensor that is deployed: name, operation, parameters, zeros.

    The auxiliary head is left out (it is not part of the network that predicts), and so are
    variances of variational layers: what counts is the network of the means.
    """
    rows = []
    for name, parameter in deployed(network):
        rows.append(
            {
                "name": name,
                "operation": _operation(network, name),
                "parameters": parameter.numel(),
                "zeros": int((parameter == 0).sum()) if name.endswith("weight") else 0,
            }
        )
    return rows


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
