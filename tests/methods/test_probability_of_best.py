"""The chance to be the largest of an edge, by Monte Carlo, against closed forms."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.distributions import Normal

from bench.posterior import probability_of_best

STANDARD = Normal(0.0, 1.0)


def larger(a: float, b: float, s: float, t: float) -> float:
    """P(|x| > |y|), x ~ N(a, s^2), y ~ N(b, t^2): that x - y and x + y have the same sign."""
    scale = (s * s + t * t) ** 0.5
    if s == t:  # then difference and sum are independent
        minus, plus = (STANDARD.cdf(torch.tensor(v / scale)).item() for v in (a - b, a + b))
        return minus * plus + (1 - minus) * (1 - plus)
    raise ValueError("closed form for equal deviations alone")


@settings(deadline=None, max_examples=40)
@given(st.floats(-2, 2), st.floats(-2, 2), st.floats(0.05, 2))
def test_two_operations_of_equal_spread(a: float, b: float, s: float) -> None:
    found = probability_of_best(torch.tensor([[a, b]]), torch.full((1, 2), s), samples=20_000)
    assert found.sum().item() == pytest.approx(1.0)
    expected = larger(a, b, s, s)
    error = 5 * (expected * (1 - expected) / 20_000) ** 0.5 + 1e-3
    assert found[0, 0].item() == pytest.approx(expected, abs=error)


def test_two_centred_operations_of_different_spread() -> None:
    """P(|s e1| > |t e2|) = 2 / pi * arctan(s / t)."""
    spread = torch.tensor([[1.0, 1.0], [2.0, 1.0], [1.0, 5.0]])
    found = probability_of_best(torch.zeros(3, 2), spread, samples=40_000)
    expected = 2 / torch.pi * torch.atan(spread[:, 0] / spread[:, 1])
    assert (found[:, 0] - expected).abs().max() < 0.012


def test_a_spread_next_to_a_certain_value() -> None:
    """P(|x| > c) for a certain c of the other operation."""
    found = probability_of_best(torch.tensor([[0.3, 0.8]]), torch.tensor([[0.5, 0.0]]), 40_000)
    x = Normal(0.3, 0.5)
    expected = 1 - x.cdf(torch.tensor(0.8)) + x.cdf(torch.tensor(-0.8))
    assert found[0, 0].item() == pytest.approx(expected.item(), abs=0.012)


def test_certain_ones_give_0_and_1_and_excluded_ones_0() -> None:
    mean = torch.tensor([[float("-inf"), 0.2, -0.7, 0.5], [float("-inf"), 0.0, 0.0, 0.0]])
    found = probability_of_best(mean, torch.zeros(2, 4))
    assert found[0].tolist() == [0.0, 0.0, 1.0, 0.0]
    assert found[1, 0] == 0 and found[1].sum() == 1


def test_equal_operations_share_it_and_the_draws_are_always_the_same() -> None:
    mean, std = torch.full((1, 5), 0.3), torch.full((1, 5), 0.2)
    found = probability_of_best(mean, std, samples=20_000)
    assert (found - 0.2).abs().max() < 0.015
    torch.manual_seed(1)
    assert torch.equal(found, probability_of_best(mean, std, samples=20_000))
