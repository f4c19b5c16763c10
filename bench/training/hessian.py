"""Curvature of a loss in a few parameters: Hessian-vector products and their extreme eigenvalues.

Source of the iteration: Lanczos 1950, with full reorthogonalisation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from bench.seeds import generator


def hessian_vector_product(
    loss: Tensor, parameters: Sequence[Tensor]
) -> Callable[[Tensor], Tensor]:
    """v -> H v for the Hessian H of `loss` in `parameters`, both as one vector [n].

    `loss` has to be twice differentiable; its graph is kept until the function is dropped. A
    parameter without influence has zeros.
    """
    gradients = torch.autograd.grad(loss, parameters, create_graph=True, materialize_grads=True)
    gradient = torch.cat([g.flatten() for g in gradients])

    def product(vector: Tensor) -> Tensor:
        if not gradient.requires_grad:  # linear in all parameters
            return torch.zeros_like(vector)
        products = torch.autograd.grad(
            gradient, parameters, vector, retain_graph=True, materialize_grads=True
        )
        return torch.cat([g.flatten() for g in products])

    return product


def ritz_values(
    product: Callable[[Tensor], Tensor], like: Tensor, steps: int, tolerance: float = 1e-6
) -> Tensor:
    """Eigenvalues of the Lanczos matrix, ascending, float64 [at most steps].

    product: a symmetric map of vectors [n] of the dtype and device of `like`, [n]. The ends of the
    result converge to the extreme eigenvalues of the map; with steps >= n they are exact. The
    starting vector is always the same one. Stops early on an invariant subspace.
    """
    size = like.numel()
    start = torch.randn(size, generator=generator("cpu", "lanczos", size), dtype=torch.float64)
    basis = [(start / start.norm()).to(like.device)]
    diagonal: list[float] = []
    beside: list[float] = []
    for _ in range(min(steps, size)):
        image = product(basis[-1].to(like.dtype)).double()
        diagonal.append(float(image @ basis[-1]))
        for _ in range(2):  # once is not enough in floating point
            for vector in basis:
                image = image - (image @ vector) * vector
        norm = float(image.norm())
        if norm <= tolerance * max(1e-12, *map(abs, diagonal)):
            break
        beside.append(norm)
        basis.append(image / norm)
    beside = beside[: len(diagonal) - 1]
    matrix = torch.diag(torch.tensor(diagonal, dtype=torch.float64))
    if beside:
        off = torch.tensor(beside, dtype=torch.float64)
        matrix = matrix + torch.diag(off, 1) + torch.diag(off, -1)
    return torch.linalg.eigvalsh(matrix)


def dominant_eigenvalue(loss: Tensor, parameters: Sequence[Tensor], steps: int = 20) -> float:
    """The largest eigenvalue of the Hessian of `loss` in `parameters`, by `steps` Lanczos steps."""
    like = torch.cat([parameter.detach().flatten() for parameter in parameters])
    return float(ritz_values(hessian_vector_product(loss, parameters), like, steps)[-1])
