"""The bootstrap against scipy, against exact enumeration, and where it must not be stated."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from scipy.stats import bootstrap

from analysis.statistics import Summary, interval, summarise

VALUES = [96.1, 97.3, 95.2, 96.9, 97.7, 96.4, 95.9, 97.0]


def test_interval_agrees_with_scipy() -> None:
    found = summarise(VALUES)
    expected = bootstrap(
        (VALUES,), np.mean, method="percentile", n_resamples=200_000, rng=np.random.default_rng(1)
    ).confidence_interval
    assert found.mean == pytest.approx(np.mean(VALUES))
    assert found.low == pytest.approx(expected.low, abs=0.03)
    assert found.high == pytest.approx(expected.high, abs=0.03)


def test_interval_agrees_with_every_possible_resample() -> None:
    values = [0.1, 0.4, 0.5, 1.0]
    every = [np.mean(drawn) for drawn in product(values, repeat=4)]
    expected = np.quantile(every, [0.025, 0.975])
    assert interval(values) == pytest.approx(tuple(expected), abs=0.03)


def test_three_seeds_give_their_range() -> None:
    """Each extreme mean has probability 1/27 > 0.025, as the leaderboard's notes say."""
    assert interval([3.0, 1.0, 7.0]) == pytest.approx((1.0, 7.0))


def test_three_seeds_cover_the_true_mean_three_times_in_four() -> None:
    """The notes say 75 %: all three are on one side of the middle in 1 of 4 cases."""
    generator = np.random.default_rng(0)
    covered = [low <= 0 <= high for low, high in map(interval, generator.normal(size=(2000, 3)))]
    assert np.mean(covered) == pytest.approx(0.75, abs=0.04)


def test_equal_methods_of_three_seeds_are_apart_once_in_ten() -> None:
    """The notes state 10 %: 2 of the 20 ways in which six values fall to two methods."""
    generator = np.random.default_rng(0)
    apart = [
        summarise(one).apart_from(summarise(other))
        for one, other in generator.normal(size=(2000, 2, 3))
    ]
    assert np.mean(apart) == pytest.approx(0.10, abs=0.025)


@pytest.mark.parametrize("values", [[0.9], [0.9, 0.8]])
def test_fewer_than_three_seeds_have_no_interval(values: list[float]) -> None:
    found = summarise(values)
    assert found == Summary(pytest.approx(sum(values) / len(values)), None, None, len(values))
    assert all(math.isnan(bound) for bound in interval(values))
    assert not found.apart_from(summarise([1.0, 2.0, 3.0]))
    assert not summarise([1.0, 2.0, 3.0]).apart_from(found)


def test_order_of_seeds_does_not_matter() -> None:
    assert summarise(VALUES) == summarise(VALUES[::-1]) == summarise(sorted(VALUES))


def test_touching_intervals_are_not_apart() -> None:
    one, other = Summary(1.0, 0.5, 1.5, 5), Summary(2.0, 1.5, 2.5, 5)
    assert not one.apart_from(other)
    assert one.apart_from(Summary(2.0, 1.6, 2.5, 5))
    assert Summary(2.0, 1.6, 2.5, 5).apart_from(one)


@pytest.mark.parametrize("values", [[], [[1.0, 2.0]]])
def test_no_values_is_an_error(values: list[float]) -> None:
    with pytest.raises(ValueError, match="one value a seed"):
        summarise(values)
