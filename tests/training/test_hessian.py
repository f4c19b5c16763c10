"""Hessian-vector products and Lanczos iteration against full matrices, in float64."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from bench.space.config import SpaceConfig
from bench.space.mixture import CellMixture, Mixture
from bench.space.supernet import Supernet
from bench.training.hessian import dominant_eigenvalue, hessian_vector_product, ritz_values


def symmetric(size: int, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    matrix = torch.randn(size, size, generator=generator, dtype=torch.float64)
    return matrix + matrix.T


@pytest.mark.parametrize("size", [1, 2, 7])
def test_as_many_steps_as_dimensions_find_every_eigenvalue(size: int) -> None:
    matrix = symmetric(size, size)
    found = ritz_values(lambda v: matrix @ v, torch.zeros(size, dtype=torch.float64), size)
    torch.testing.assert_close(found, torch.linalg.eigvalsh(matrix))


def test_a_few_steps_find_the_largest() -> None:
    matrix = symmetric(60, 0)
    found = ritz_values(lambda v: matrix @ v, torch.zeros(60, dtype=torch.float64), 30)
    expected = torch.linalg.eigvalsh(matrix)
    torch.testing.assert_close(found[[0, -1]], expected[[0, -1]], rtol=1e-6, atol=0)


def test_stops_on_an_invariant_subspace() -> None:
    found = ritz_values(lambda v: 3 * v, torch.zeros(5, dtype=torch.float64), 5)
    torch.testing.assert_close(found, torch.tensor([3.0], dtype=torch.float64))


@pytest.mark.parametrize("channels_last", [False, True])
def test_architecture_hessian_of_a_super_network(channels_last: bool) -> None:
    """All operations, both kinds of cell; the full matrix comes from torch's own `hessian`."""
    torch.manual_seed(0)
    space = SpaceConfig(nodes=1, cells=3, channels=2)
    supernet = Supernet(space, (1, 8, 8), 3).double()
    shape = (len(supernet.graph.edges), len(space.operations))
    images = torch.randn(6, 1, 8, 8, dtype=torch.float64)
    if channels_last:
        images = images.contiguous(memory_format=torch.channels_last)
    labels = torch.arange(6) % 3

    def loss(normal: torch.Tensor, reduce: torch.Tensor) -> torch.Tensor:
        cells = {
            "normal": CellMixture(normal.softmax(-1)),
            "reduce": CellMixture(reduce.softmax(-1)),
        }
        return F.cross_entropy(supernet(images, Mixture(cells)), labels)

    alphas = [torch.randn(shape, dtype=torch.float64).requires_grad_() for _ in range(2)]
    blocks = torch.autograd.functional.hessian(loss, tuple(alphas))
    size = alphas[0].numel()
    full = torch.cat([torch.cat([b.reshape(size, size) for b in row], 1) for row in blocks])
    product = hessian_vector_product(loss(*alphas), alphas)
    vector = torch.randn(2 * size, dtype=torch.float64)
    torch.testing.assert_close(product(vector), full @ vector, rtol=1e-8, atol=1e-10)
    expected = torch.linalg.eigvalsh(full)[-1].item()
    assert dominant_eigenvalue(loss(*alphas), alphas, 20) == pytest.approx(expected, rel=1e-6)
    # the float32 fast paths of the depthwise convolutions are differentiable twice, too
    supernet.float()
    images = images.float()
    single = [alpha.detach().float().requires_grad_() for alpha in alphas]
    assert dominant_eigenvalue(loss(*single), single, 20) == pytest.approx(expected, rel=1e-2)


def test_a_loss_without_curvature_has_eigenvalue_zero() -> None:
    x = torch.ones(3, requires_grad=True)
    y = torch.ones(2, requires_grad=True)
    assert dominant_eigenvalue(2 * x.sum(), [x, y]) == 0.0
