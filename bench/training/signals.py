"""What a search leaves behind after every epoch: how far its architecture moved and, if its study
asks for them, signals of collapse.

Sources: Wang et al. 2021 (arXiv 2108.04392) for the gap that discretisation opens; Zela et al. 2020
(arXiv 1909.09656) for the dominant Hessian eigenvalue.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch.nn.functional as F
from torch import Tensor

from bench.data.splits import Split
from bench.method import Method, Phase
from bench.space.cpu.memory_format import arrange
from bench.space.genotype import Genotype
from bench.space.supernet import Supernet
from bench.training.config import SearchConfig
from bench.training.hessian import dominant_eigenvalue
from bench.training.measure import measure
from bench.training.trainer import History

HESSIAN_IMAGES = 64
LANCZOS_STEPS = 20


def signals(
    method: Method, supernet: Supernet, validation: Split, config: SearchConfig
) -> dict[str, float]:
    """What `config` asks for, by name; leaves no weight, gradient or mode changed.

    supernet_validation_accuracy and discretised_validation_accuracy: `inherited_accuracies`.
    dominant_eigenvalue: of the cross-entropy's Hessian in the method's parameters, on 64 validation
    images, the same ones every time; absent where the mixture does not depend on them
    differentiably.
    """
    values: dict[str, float] = {}
    if not (config.discretisation_gap or config.eigenvalue):
        return values
    modes = method.training, supernet.training
    method.eval()
    supernet.eval()
    if config.discretisation_gap:
        accuracies = inherited_accuracies(method, supernet, method.current(), validation, config)
        names = ("supernet_validation_accuracy", "discretised_validation_accuracy")
        values |= dict(zip(names, accuracies, strict=True))
    if config.eigenvalue:
        images, labels = validation.spread(HESSIAN_IMAGES)
        value = _eigenvalue(method, supernet, arrange(images, config.channels_last), labels)
        if value is not None:
            values["dominant_eigenvalue"] = value
    method.train(modes[0])
    supernet.train(modes[1])
    return values


def inherited_accuracies(
    method: Method, supernet: Supernet, genotype: Genotype, split: Split, config: SearchConfig
) -> tuple[float, float]:
    """Accuracies (fractions) with the super-network's weights, of images in mixed order.

    Of the whole super-network under the mixture without its noise, and of a genotype, every
    operation of it with weight 1.
    """
    kept = supernet.genotype_mixture(genotype)

    def whole(images: Tensor) -> Tensor:
        logits: Tensor = supernet(images, method.mixture(len(images)))
        return logits

    def discretised(images: Tensor) -> Tensor:
        logits: Tensor = supernet(images, kept)
        return logits

    images = split.mixed()
    first, second = (
        float(measure(predict, images, config.batch_size, config.channels_last)["accuracy"])
        for predict in (whole, discretised)
    )
    return first, second


def _eigenvalue(method: Method, supernet: Supernet, images: Tensor, labels: Tensor) -> float | None:
    wanted = list(method.parameters())
    everything = [*supernet.parameters(), *wanted]
    before = [parameter.requires_grad for parameter in everything]
    for parameter in everything:
        parameter.requires_grad_(False)
    for parameter in wanted:
        parameter.requires_grad_(True)
    loss = F.cross_entropy(supernet(images, method.mixture(len(labels))), labels)
    value = None
    if loss.requires_grad:
        value = dominant_eigenvalue(loss, wanted, LANCZOS_STEPS)
    for parameter, was in zip(everything, before, strict=True):
        parameter.requires_grad_(was)
    return value


def sum_rates(method: Method, phases: Sequence[Phase], progress: float, steps: int) -> float:
    """Sum over an epoch's steps of the architecture's scheduled learning rate.

    The rate is the mean over the method's own parameters; those of phases that rest count as 0.
    """
    own = {id(parameter) for parameter in method.parameters()}
    rates = 0.0
    for phase in phases:
        for optimiser in phase.optimisers if phase.enabled() else ():
            for group in optimiser.param_groups:
                size = sum(p.numel() for p in group["params"] if id(p) in own)
                rates += size * group["initial_lr"] * phase.schedule(progress)
    return steps * rates / max(1, sum(parameter.numel() for parameter in method.parameters()))


def describe_epoch(method: Method, rates: float) -> dict[str, float]:
    """What an epoch's row says: the sum of its rates, and the entropy at its end, nats."""
    measured = method.entropy()
    return {"sum_of_rates": rates} | ({} if measured is None else {"entropy": measured[0]})


def describe_movement(method: Method, history: History) -> dict[str, Any]:
    """What a search's record says: see `bench.records.parts.Architecture`."""
    entropy, maximum = method.entropy() or (None, None)
    return {
        "entropy": entropy,
        "maximum_entropy": maximum,
        "rate_factor": method.rate_factor,
        "sum_of_rates": sum(row["movement"]["sum_of_rates"] for row in history.epochs),
    }
