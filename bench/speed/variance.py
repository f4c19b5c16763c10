"""How noisy the gradient is that each of VINNAS's estimators hands to the weights' means."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench.data.splits import Batch
from bench.speed.context import Context
from bench.speed.method_steps import DETERMINISTIC, ESTIMATORS
from bench.speed.rows import Row, row
from bench.speed.scales import Scale, data_of
from bench.speed.steps import Step, make

LEVELS: dict[str, float | None] = {
    "early (log s2 = -10)": None,
    "late (log_alpha = -4)": -4.0,
    "late (log_alpha = 0)": 0.0,
}
"""Name -> log_alpha of every weight; None: all variances as at the start."""

TRAINING = 30
"""Steps before the measurement, without noise: the weights are not quite fresh."""


def variance(context: Context, scale: Scale) -> list[Row]:
    """Total variance (trace of the covariance) of the mean weights' cross-entropy gradient.

    Over batches and noise (of the weights and of the relevances z) together, and over the noise
    within a batch alone; against lrt on the same batches. With deterministic weights, which have no
    level of their own, the noise is that of z. A sample is one batch's contribution;
    rows hold the mean over the batches and its ratio, for a median of contributions means nothing.
    """
    batches, draws, training = (3, 2, 2) if context.quick else (8, 4, TRAINING)
    data = data_of(scale, context.device, scale.batch * max(batches, training))
    steps = {
        name: make("vinnas", scale, context.device, {"estimator": name}) for name in ESTIMATORS
    }
    fixed = {DETERMINISTIC: make("vinnas", scale, context.device, {"variational_weights": False})}
    trained = make("vinnas", scale, context.device, {"noise": False})
    for batch in data.train.epoch(scale.batch, 0, 1):
        trained.trainer.step({"train": _laid_out(batch, context.device)})
    start = trained.supernet.state_dict()
    chosen = [_laid_out(b, context.device) for b in data.train.epoch(scale.batch, 0, 2)][:batches]

    found: dict[tuple[str, str], tuple[list[float], list[float]]] = {}
    done = 0
    for level, rate in LEVELS.items():
        for name, step in (steps if rate is not None else steps | fixed).items():
            held = step.supernet.state_dict()
            step.supernet.load_state_dict({key: start[key] for key in held})
            if rate is not None:
                _spread(step.supernet, rate)
            found[level, name] = _variances(step, chosen, draws)
            done += 1
            context.tick(done / (len(LEVELS) * len(steps) + 1))
    result = []
    for (level, name), values in found.items():
        for number, quantity in enumerate(("batches and noise", "noise alone")):
            reference = ("lrt", found[level, "lrt"][number])
            made = row(
                f"variance, {level}", scale.name, name, quantity, "", values[number], reference
            )
            mean = statistics.fmean(values[number])
            ratio = None if name == "lrt" else mean / statistics.fmean(reference[1])
            result.append(replace(made, median=mean, ratio=ratio, note="means, not medians"))
    return result


def _laid_out(batch: Batch, device: torch.device) -> Batch:
    if device.type != "cpu":
        return batch
    return Batch(batch.images.contiguous(memory_format=torch.channels_last), batch.labels)


@torch.no_grad()
def _spread(supernet: nn.Module, rate: float) -> None:
    """Set every weight's variance so that its log_alpha is `rate`."""
    named = dict(supernet.named_parameters())
    for name, parameter in named.items():
        if name.endswith("log_variance"):
            mean = named[name.removesuffix("log_variance") + "weight"]
            parameter.copy_((mean.square() + 1e-12).log() + rate)


def _variances(step: Step, batches: list[Batch], draws: int) -> tuple[list[float], list[float]]:
    """One value a batch: its contribution to the total variance, and its own variance by noise.

    The mean over the batches estimates the trace of the covariance, in the first case up to the
    small correction for the mean's own error.
    """
    parameters = [p for n, p in step.supernet.named_parameters() if not n.endswith("log_variance")]
    step.supernet.train()
    step.method.train()
    step.supernet.noise.reseed("variance")
    means: list[Tensor] = []
    squares: list[float] = []
    for batch in batches:
        total, square = torch.zeros(()), 0.0
        for gradient in _gradients(step, parameters, batch, draws):
            total = gradient if total.dim() == 0 else total + gradient
            square += float(gradient.double().square().sum())
        means.append(total / draws)
        squares.append(square / draws)
    centre = torch.stack(means).mean(0).double().square().sum().item()
    noise = [
        (square - mean.double().square().sum().item()) * draws / (draws - 1)
        for mean, square in zip(means, squares, strict=True)
    ]
    return [square - centre for square in squares], noise


def _gradients(
    step: Step, parameters: list[nn.Parameter], batch: Batch, draws: int
) -> Iterator[Tensor]:
    for _ in range(draws):
        logits = step.supernet(batch.images, step.method.mixture(len(batch.labels)))
        loss = F.cross_entropy(logits, batch.labels)
        found = torch.autograd.grad(loss, parameters)
        yield torch.cat([gradient.flatten() for gradient in found])
