"""Holding the fused super-network against the plain one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench.space.mixture import Mixture
from bench.space.nas_bench_201.supernet import NasBench201Supernet
from bench.space.supernet import Supernet
from bench.testing import plain_supernet
from support import plain_nas_bench_201, plain_weights
from support.cases import CLASSES, Case


def plain_of(case: Case, fused: Supernet, dtype: torch.dtype) -> nn.Module:
    """The plain network with the fused one's weights."""
    of = plain_nas_bench_201 if isinstance(fused, NasBench201Supernet) else plain_supernet
    plain = of.PlainSupernet(case.space, (2, *case.size), CLASSES, case.options()).to(dtype)
    with torch.no_grad():
        for mine, theirs, part in pairs(fused, plain):
            mine.copy_(part(theirs))
    return plain


def pairs(fused: Supernet, plain: nn.Module) -> Iterator[Any]:
    """(plain parameter, fused parameter, which part of it corresponds: a function of a tensor)."""
    of = plain_nas_bench_201 if isinstance(fused, NasBench201Supernet) else plain_weights
    return of.pairs(fused, plain)


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


def distances(case: Case, dtype: torch.dtype) -> tuple[float, float]:
    """How far apart fused and plain are: the logits, and the worst gradient of any tensor.

    A gradient's distance is relative to its own norm, or to a hundredth of the largest one's where
    it is smaller than that (weights before a normalisation may have none but rounding errors).
    """
    fused = case.supernet(dtype)
    plain = plain_of(case, fused, dtype)
    images, mixture = case.images(dtype), case.mixture(fused, dtype)
    shared = [images, *leaves(mixture)]
    matched = list(pairs(fused, plain))
    parameters = list(fused.parameters())
    assert {id(p) for p in parameters} == {id(theirs) for _, theirs, _ in matched}

    if not isinstance(fused, NasBench201Supernet):
        plain_weights.give_noise(fused, plain)
    fast = fused(images, mixture)
    slow = plain(images.contiguous(), mixture)
    found = gradients(fast, [*shared, *parameters])
    own = {id(p): g for p, g in zip(parameters, found[len(shared) :], strict=True)}
    found = found[: len(shared)] + [part(own[id(theirs)]) for _, theirs, part in matched]
    expected = gradients(slow, [*shared, *(mine for mine, _, _ in matched)])
    floor = 0.01 * max(float(g.norm()) for g in expected)
    worst = max(
        float((a - b).norm() / b.norm().clamp_min(floor))
        for a, b in zip(found, expected, strict=True)
    )
    return apart(fast, slow), worst


def assert_equal_in_float64(case: Case) -> None:
    """Outputs within 1e-10, gradients within 1e-9."""
    _assert_equal(case, torch.float64, 1e-10, 1e-9)


def assert_equal_in_float32(case: Case) -> None:
    """Outputs within 1e-5, gradients within 1e-4."""
    _assert_equal(case, torch.float32, 1e-5, 1e-4)


def _assert_equal(case: Case, dtype: torch.dtype, output: float, gradient: float) -> None:
    """Outputs at every seed tried, gradients at two of at most four seeds of the same case.

    Where the input of a ReLU is 0 up to rounding, or two pixels under a pool are equal (pools
    of pools on small images), the two forms may take either side, and a gradient jumps by more than
    rounding. A gradient that is computed wrongly is wrong at every seed.
    """
    right = 0
    for repeat in range(4):
        apart_by = distances(replace(case, seed=case.seed + 100 * repeat), dtype)
        assert apart_by[0] <= output
        right += apart_by[1] <= gradient
        if right == 2:
            return
    raise AssertionError(f"gradients differ at most seeds of {case}")
