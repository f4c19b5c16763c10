"""The second-order architecture gradient of DARTS.

Source: Liu, Simonyan, Yang 2019 (arXiv 1806.09055), equations 6 to 8.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from bench.method import Objective


def unrolled_gradient(
    alphas: list[nn.Parameter],
    weights: list[nn.Parameter],
    optimiser: torch.optim.SGD,
    training: Callable[[], Objective],
    validation: Callable[[], Objective],
) -> Objective:
    """Write into `alphas` the gradient of the validation loss after one virtual SGD step.

    With xi, momentum and weight decay those of `optimiser` (one parameter group) and v its momentum
    buffers: w' = w - xi (momentum v + grad_w L_train(w) + decay w); the gradient is
    grad_alpha L_val(w') - xi (d/dalpha grad_w L_train(w)) . grad_w' L_val(w'), whose second term is
    a central difference of grad_alpha L_train at w +- R grad_w' L_val(w'), R = 0.01 / norm.

    The weights are the same afterwards, bit by bit. Returns the validation objective at w'.

    Under autocast the virtual step and the validation gradient have its precision; the differences
    are taken in float32, for bfloat16 rounds off most of a step as small as R.
    """
    device = weights[0].device.type
    group = optimiser.param_groups[0]
    rate, momentum, decay = group["lr"], group["momentum"], group["weight_decay"]
    for parameter in (*alphas, *weights):
        parameter.requires_grad_(True)
    saved = [weight.detach().clone() for weight in weights]

    gradients = _gradients(training(), weights, device)
    with torch.no_grad():
        for weight, gradient in zip(weights, gradients, strict=True):
            step = decay * weight
            if gradient is not None:
                step = step + gradient
            buffer = optimiser.state[weight].get("momentum_buffer")
            if buffer is not None:
                step = step + momentum * buffer
            weight.sub_(rate * step)

    outcome = validation()
    found = _gradients(outcome, [*alphas, *weights], device)
    first = [_or_zeros(g, p) for g, p in zip(found, alphas, strict=False)]
    direction = [_or_zeros(g, p) for g, p in zip(found[len(alphas) :], weights, strict=True)]
    norm = torch.stack([d.float().norm() for d in direction]).norm()
    radius = 0.01 / norm

    shifted = []
    for sign in (1.0, -1.0):
        with torch.no_grad():
            for weight, kept, along in zip(weights, saved, direction, strict=True):
                weight.copy_(kept + sign * radius * along)
        with torch.autocast(device, enabled=False):
            grads = _gradients(training(), alphas, device)
        shifted.append([_or_zeros(g, p) for g, p in zip(grads, alphas, strict=True)])
    with torch.no_grad():
        for weight, kept in zip(weights, saved, strict=True):
            weight.copy_(kept)
    for alpha, direct, plus, minus in zip(alphas, first, *shifted, strict=True):
        alpha.grad = direct - rate * (plus - minus) / (2 * radius)
    return outcome


def _gradients(
    outcome: Objective, parameters: list[nn.Parameter], device: str
) -> tuple[Tensor | None, ...]:
    """Autocast, where it is on, is for forward passes."""
    with torch.autocast(device, enabled=False):
        return torch.autograd.grad(outcome.total(), parameters, allow_unused=True)


def _or_zeros(gradient: Tensor | None, parameter: Tensor) -> Tensor:
    return torch.zeros_like(parameter) if gradient is None else gradient
