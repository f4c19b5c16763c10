"""Holding the fused super-network against the plain one."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from cases import CLASSES, Case
from plain_supernet import PlainSupernet, copy_weights, pairs
from torch import Tensor

from bench.space.mixture import Mixture
from bench.space.supernet import Supernet


def plain_of(case: Case, fused: Supernet, dtype: torch.dtype) -> PlainSupernet:
    """The plain network with the fused one's weights."""
    plain = PlainSupernet(case.space, (2, *case.size), CLASSES, case.normalise_operations).to(dtype)
    copy_weights(fused, plain)
    return plain


def apart(found: Tensor, expected: Tensor) -> float:
    """Norm of the difference, relative to the expected norm where that is not next to nothing."""
    found, expected = found.detach().double(), expected.detach().double()
    return float((found - expected).norm() / expected.norm().clamp_min(1e-3))


def leaves(mixture: Mixture) -> list[Tensor]:
    """What a method learns through a mixture."""
    tensors = []
    for cell in mixture.cells.values():
        tensors += [cell.weights, *cell.masks.values()]
        if cell.variances is not None:
            tensors.append(cell.variances)
    return tensors


def loss(logits: Tensor) -> Tensor:
    """Any function of the logits that has a gradient everywhere."""
    labels = torch.arange(len(logits)) % CLASSES
    return F.cross_entropy(logits, labels) + 0.1 * logits.square().mean()


def gradients(logits: Tensor, tensors: list[Tensor]) -> list[Tensor]:
    """Gradients of `loss`, zeros where a tensor takes no part."""
    found = torch.autograd.grad(loss(logits), tensors, allow_unused=True)
    return [
        torch.zeros_like(tensor) if gradient is None else gradient
        for tensor, gradient in zip(tensors, found, strict=True)
    ]


def assert_equal_networks(case: Case, dtype: torch.dtype, output: float, gradient: float) -> None:
    """Outputs and the gradient of every parameter, mixture tensor and image, within tolerances."""
    fused = case.supernet(dtype)
    plain = plain_of(case, fused, dtype)
    images, mixture = case.images(dtype), case.mixture(fused, dtype)
    inputs = [images, *leaves(mixture)]
    parameters = list(fused.parameters())
    fast, slow = fused(images, mixture), plain(images.contiguous(), mixture)
    assert apart(fast, slow) <= output

    found = gradients(fast, [*inputs, *parameters])
    of_fused = {id(p): g for p, g in zip(parameters, found[len(inputs) :], strict=True)}
    matched = list(pairs(fused, plain))
    expected = gradients(slow, [*inputs, *(mine for mine, _, _ in matched)])
    # a float32 gradient that is a difference of large ones has the error of the large ones
    scale = max(float(g.norm()) for g in expected) if dtype == torch.float32 else 0.0
    for mine, theirs in zip(found[: len(inputs)], expected[: len(inputs)], strict=True):
        assert near(mine, theirs, gradient, scale)
    for (_, theirs, part), value in zip(matched, expected[len(inputs) :], strict=True):
        assert near(part(of_fused[id(theirs)]), value, gradient, scale)
    assert {id(theirs) for _, theirs, _ in matched} == set(of_fused), "a parameter was not compared"


def near(found: Tensor, expected: Tensor, tolerance: float, scale: float) -> bool:
    """Within `tolerance` of its own norm, or of a hundredth of the largest gradient's."""
    if apart(found, expected) <= tolerance:
        return True
    return float((found - expected).norm()) <= tolerance * 0.01 * scale
