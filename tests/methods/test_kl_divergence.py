"""KL terms: tabulated values, the integral they stand for, and that they are sums."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from support.small_tasks import space, task

from bench.space.options import SupernetOptions
from bench.space.supernet import Supernet
from methods.variational.gaussian import gaussians
from methods.variational.priors import kl_divergence, log_alpha
from methods.vinnas import Vinnas, VinnasConfig

TABLE = {"ard": (5.000, 0.3466, 0.0243), "log_uniform": (5.636, 0.4312, 0.0254)}
RATES = (-10.0, 0.0, 3.0)


@pytest.mark.parametrize("prior", ["ard", "log_uniform"])
@pytest.mark.parametrize("mean", [1.0, -0.3, 0.02])
def test_values_by_log_alpha(prior, mean: float) -> None:
    for rate, value in zip(RATES, TABLE[prior], strict=True):
        mu = torch.tensor([mean], dtype=torch.float64)
        log_variance = rate + mu.square().log()
        assert log_alpha(mu, log_variance).item() == pytest.approx(rate)
        digits = 3 if value > 1 else 4
        assert kl_divergence(mu, log_variance, prior).item() == pytest.approx(
            value, abs=0.6 * 10**-digits + (1e-4 if mean == 0.02 else 0)
        )


@given(st.floats(-3, 3), st.floats(-8, 2))
def test_ard_is_the_least_kl_to_any_centred_gaussian(mean: float, log_variance: float) -> None:
    """Kharitonov 2018: the prior's variance at its optimum, found here by a grid."""
    mu = torch.tensor(mean, dtype=torch.float64)
    tau2 = torch.logspace(-6, 3, 20_001, dtype=torch.float64)
    s2 = math.exp(log_variance)
    to_prior = 0.5 * ((s2 + mean**2) / tau2 - 1 + tau2.log() - log_variance)
    found = kl_divergence(mu, torch.tensor(log_variance, dtype=torch.float64), "ard").item()
    assert found == pytest.approx(float(to_prior.min()), abs=1e-6)


def test_log_uniform_is_molchanovs_integral_up_to_a_constant() -> None:
    """-E log|w| under q by quadrature against the approximation, within its stated accuracy."""
    eps = torch.linspace(-12, 12, 400_001, dtype=torch.float64)
    density = (-0.5 * eps.square()).exp() / math.sqrt(2 * math.pi) * (eps[1] - eps[0])
    exact, found = [], []
    for rate in torch.linspace(-6, 4, 21, dtype=torch.float64):
        alpha = rate.exp()
        values = (1 + alpha.sqrt() * eps).abs().clamp_min(1e-300).log()
        # KL = -1/2 log alpha + E log|1 + sqrt(alpha) eps| + constant
        exact.append(-0.5 * rate + (values * density).sum())
        mu = torch.ones(1, dtype=torch.float64)
        found.append(kl_divergence(mu, rate.expand(1), "log_uniform"))
    difference = torch.stack(exact) - torch.stack(found)
    assert (difference - difference.mean()).abs().max() < 0.02


@pytest.mark.parametrize("prior", ["ard", "log_uniform"])
def test_it_is_a_sum(prior) -> None:
    torch.manual_seed(0)
    mean, log_variance = torch.randn(7, 3), torch.randn(7, 3)
    parts = [kl_divergence(m, s, prior) for m, s in zip(mean, log_variance, strict=True)]
    whole = kl_divergence(mean, log_variance, prior)
    assert whole.item() == pytest.approx(sum(p.item() for p in parts), rel=1e-5)
    twice = kl_divergence(mean.repeat(2, 1), log_variance.repeat(2, 1), prior)
    assert twice.item() == pytest.approx(2 * whole.item(), rel=1e-5)


@pytest.mark.parametrize("prior", ["ard", "log_uniform"])
def test_gradients_are_finite_at_a_mean_of_0(prior) -> None:
    mean, log_variance = torch.zeros(3, requires_grad=True), torch.full((3,), -10.0)
    log_variance.requires_grad_()
    kl_divergence(mean, log_variance, prior).backward()
    assert mean.grad.isfinite().all() and log_variance.grad.isfinite().all()
    assert log_alpha(mean, log_variance).isposinf().all()


def test_vinnas_divides_the_sum_by_the_training_images_once() -> None:
    """beta_w / N * KL_w over all weights and lambda_z * KL_z over all cells, times the warm-up."""
    t = task(epochs=4)
    config = VinnasConfig(
        variational_weights=True, weight_kl="elbo", beta_w=2.0, lambda_z=0.03, warm_up=0.5
    )
    method = Vinnas(config, t)
    options = SupernetOptions(method.layers(), True, noise=t.noise)
    supernet = Supernet(t.space, (1, 8, 8), 3, options)
    method.attach(supernet)
    assert len(gaussians(supernet)) > 20
    weights = sum(layer.kl("ard").item() for layer in gaussians(supernet))
    relevances = sum(q.kl("ard").item() for _, q in method.relevances.items())
    for epoch, factor in ((1, 0.0), (2, 0.5), (3, 1.0), (4, 1.0)):
        method.begin_epoch(epoch)
        terms = method.penalty()
        assert terms["kl_w"].item() == pytest.approx(factor * 2.0 / 100 * weights, rel=1e-4)
        assert terms["kl_z"].item() == pytest.approx(factor * 0.03 * relevances, rel=1e-4)
    assert space().nodes == 2
    assert [key for key, _ in method.relevances.items()] == ["normal", "reduce"]


def test_the_weights_kl_is_never_dropped_silently() -> None:
    t = task()
    method = Vinnas(VinnasConfig(variational_weights=True, lambda_z=0.0), t)
    with pytest.raises(RuntimeError, match="Vinnas has no super-network yet"):
        method.penalty()
    options = SupernetOptions(method.layers(), True, noise=t.noise)
    method.attach(Supernet(t.space, (1, 8, 8), 3, options))
    assert "kl_w" in method.penalty()
