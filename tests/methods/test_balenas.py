"""BaLeNAS: the Gaussian that is drawn from, Vadam's updates, and what its fixed point is."""

from __future__ import annotations

import pytest
import torch
from support import small_tasks
from torch import Tensor, nn

from bench.training.search import build
from methods.balenas import BETAS, BaLeNas, BaLeNasConfig, Vadam

IMAGES = 50  # of the architecture's half of the small task


def method(**options: object) -> BaLeNas:
    config = BaLeNasConfig(**options)  # type: ignore[arg-type]
    found, supernet = build(small_tasks.search_arguments(BaLeNas, config))
    assert isinstance(found, BaLeNas)
    found.phases(supernet)
    return found


def plain_vadam(mean: Tensor, gradients: list[Tensor], rate: float, decay: float) -> Tensor:
    """The update as it is written, one number after another."""
    m, v = torch.zeros_like(mean), torch.zeros_like(mean)
    mean = mean.clone()
    for step, g in enumerate(gradients, start=1):
        m = BETAS[0] * m + (1 - BETAS[0]) * (g + decay * mean)
        v = BETAS[1] * v + (1 - BETAS[1]) * g * g
        unbiased = m / (1 - BETAS[0] ** step), v / (1 - BETAS[1] ** step)
        mean = mean - rate * unbiased[0] / (unbiased[1].sqrt() + decay)
    return mean


def test_the_step_is_vadams() -> None:
    torch.manual_seed(0)
    start = torch.randn(3, 4, dtype=torch.float64)
    gradients = [torch.randn(3, 4, dtype=torch.float64) for _ in range(6)]
    parameter = nn.Parameter(start.clone())
    optimiser = Vadam([parameter], rate=0.02, decay=0.01)
    for gradient in gradients:
        parameter.grad = gradient.clone()
        optimiser.step()
    expected = plain_vadam(start, gradients, 0.02, 0.01)
    torch.testing.assert_close(parameter.detach(), expected, rtol=1e-6, atol=1e-7)


def test_without_decay_the_step_is_adams() -> None:
    torch.manual_seed(1)
    ours, adams = (nn.Parameter(torch.ones(5)) for _ in range(2))
    optimisers = [Vadam([ours], 0.01, 1e-12), torch.optim.Adam([adams], 0.01, BETAS, eps=1e-12)]
    for _ in range(8):
        gradient = torch.randn(5)
        for parameter, optimiser in zip((ours, adams), optimisers, strict=True):
            parameter.grad = gradient.clone()
            optimiser.step()
    torch.testing.assert_close(ours, adams, rtol=1e-5, atol=1e-6)


def test_draws_have_the_gaussians_mean_and_deviation() -> None:
    """Before the first step it is the prior: s^2 = 1 / (N d)."""
    found = method(alpha_weight_decay=0.08)
    found.train()
    with torch.no_grad():
        draws = torch.stack([found._draw("normal") for _ in range(4000)])
    expected = 1 / (IMAGES * 0.08) ** 0.5
    torch.testing.assert_close(draws.mean(0), found.alpha["normal"].detach(), atol=0.04, rtol=0)
    torch.testing.assert_close(draws.std(0), torch.full_like(draws[0], expected), atol=0.03, rtol=0)
    found.eval()
    assert torch.equal(found._draw("normal"), found.alpha["normal"])
    found = method(noise=False)
    assert torch.equal(found.train()._draw("normal"), found.alpha["normal"]), "a point estimate"


def test_gradients_make_the_gaussian_narrower() -> None:
    """s^2 = 1 / (N (v + d)), v = (1 - b2) g^2 after one step."""
    found = method(alpha_weight_decay=0.5)
    assert found.vadam is not None
    alpha = found.alpha["reduce"]
    alpha.grad = torch.linspace(0, 30, alpha.numel()).view_as(alpha)
    found.vadam.step()
    v = (1 - BETAS[1]) * alpha.grad.square()
    torch.testing.assert_close(found.deviation("reduce"), (IMAGES * (v + 0.5)).rsqrt())
    assert (found.deviation("reduce").diff() <= 0).all()


def test_the_fixed_point_is_the_penalised_optimum() -> None:
    """A quadratic loss h/2 (alpha - a)^2 with precision d: the mean ends near h a / (h + d)."""
    torch.manual_seed(2)
    h, a, decay, images = 0.8, 1.5, 0.2, 400.0
    mean = nn.Parameter(torch.zeros(64))
    optimiser = Vadam([mean], rate=2e-3, decay=decay)
    ends = []
    for step in range(6000):
        s = (images * (optimiser.second_moment(mean) + decay)).rsqrt()
        draw = mean.detach() + s * torch.randn(64)
        mean.grad = h * (draw - a)
        optimiser.step()
        if step >= 5000:
            ends.append(float(mean.detach().mean()))
    assert sum(ends) / len(ends) == pytest.approx(h * a / (h + decay), abs=0.02)


def test_probabilities_are_of_the_largest_candidate() -> None:
    found = method(alpha_weight_decay=10.0)
    none = found.task.space.operations.index("none")
    with torch.no_grad():
        for alpha in found.alpha.values():
            alpha.zero_()
            alpha[:, none] = 5.0
            alpha[0, 2] = 3.0
    for columns in found.columns().values():
        probability = columns["probability"]
        torch.testing.assert_close(probability.sum(-1), torch.ones(len(probability)))
        assert (probability[:, none] == 0).all(), "`none` takes part in the mixture alone"
        assert probability[0, 2] == 1
        assert (columns["mean"][:, none] > 0.9 * columns["mean"].amax(-1)).all()
