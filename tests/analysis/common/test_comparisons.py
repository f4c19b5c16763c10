"""Paired tests, Holm, effect sizes, ranks and correlations: by hand, scipy and simulation."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.common.statistics import (
    compare_by_seed,
    correct_by_holm,
    find_significant_pairs,
    rank_by_mean,
    spearman,
)

ONE = {0: 91.2, 1: 90.1, 2: 92.4, 3: 90.9, 7: 91.8}
OTHER = {0: 90.7, 1: 90.3, 2: 91.1, 3: 90.2, 7: 91.0}


def _by_seed(values: np.ndarray) -> dict[int, float]:
    return {seed: float(value) for seed, value in enumerate(values)}


def test_paired_test_and_interval_are_those_of_scipy() -> None:
    found = compare_by_seed(ONE, OTHER)
    expected = stats.ttest_rel(list(ONE.values()), list(OTHER.values()))
    bounds = expected.confidence_interval(0.95)
    assert found.p_value == pytest.approx(expected.pvalue)
    assert (found.low, found.high) == pytest.approx((bounds.low, bounds.high))
    assert found.mean == pytest.approx(0.62) and found.seeds == 5


def test_only_common_seeds_are_compared_whatever_their_order() -> None:
    more = {9: 10.0, **dict(reversed(ONE.items()))}
    assert compare_by_seed(more, OTHER) == compare_by_seed(ONE, {**OTHER, 11: 0.0})


def test_evaluation_seeds_are_averaged_within_their_search_seed() -> None:
    nested = {seed: [value - 1, value + 1] for seed, value in ONE.items()}
    found, plain = compare_by_seed(nested, OTHER), compare_by_seed(ONE, OTHER)
    assert found.p_value == pytest.approx(plain.p_value) and found.seeds == plain.seeds


def test_effect_size_is_hedges_g() -> None:
    """By hand: differences 1, 2, 3 have mean 2, deviation 1; J(2) = gamma(1) / gamma(1/2)."""
    found = compare_by_seed({0: 1.0, 1: 2.0, 2: 3.0}, {0: 0.0, 1: 0.0, 2: 0.0})
    assert found.effect_size == pytest.approx(2 / np.sqrt(np.pi))


def test_effect_size_is_not_biased_by_few_seeds() -> None:
    drawn = np.random.default_rng(0).normal(0.8, 1, size=(4000, 5))
    zeros = _by_seed(np.zeros(5))
    sizes = [compare_by_seed(_by_seed(values), zeros).effect_size for values in drawn]
    assert np.mean(np.array(sizes, dtype=float)) == pytest.approx(0.8, abs=0.03)


def test_probability_of_beating_counts_a_tie_half() -> None:
    found = compare_by_seed({0: 1.0, 1: 0.0, 2: 1.0, 3: 2.0}, {0: 0.0, 1: 1.0, 2: 1.0, 3: 0.0})
    assert found.better == pytest.approx(2.5 / 4)
    whole = compare_by_seed({0: 1.0, 1: 0.0, 2: 3.0, 3: 2.0}, dict.fromkeys(range(4), 0.5))
    exact = stats.binomtest(3, 4).proportion_ci(0.95, "exact")
    assert (whole.better_low, whole.better_high) == pytest.approx((exact.low, exact.high))


def test_the_same_numbers_are_no_difference() -> None:
    found = compare_by_seed(ONE, dict(ONE))
    assert (found.mean, found.p_value, found.effect_size, found.better) == (0.0, 1.0, 0.0, 0.5)


@pytest.mark.parametrize("seeds", [0, 1, 2])
def test_too_few_common_seeds_have_no_test(seeds: int) -> None:
    found = compare_by_seed(_by_seed(np.arange(seeds)), _by_seed(np.zeros(9)))
    assert found.p_value is None and found.low is None and found.better is None
    assert found.seeds == seeds


def test_holm_by_hand() -> None:
    """0.01 x 4, 0.02 x 3, 0.03 x 2 (not below the one before), 0.9 x 1; None is no test."""
    assert correct_by_holm([0.03, 0.01, None, 0.9, 0.02]) == pytest.approx(
        [0.06, 0.04, None, 0.9, 0.06]
    )
    assert correct_by_holm([0.5, 0.9]) == [1.0, 1.0]
    assert correct_by_holm([None]) == [None] and correct_by_holm([]) == []


def test_ranks_follow_means_and_their_intervals_the_tests() -> None:
    generator = np.random.default_rng(5)
    noise = generator.normal(0, 0.01, size=(4, 8))
    group = {
        "best": _by_seed(90 + noise[0]), "worst": _by_seed(70 + noise[1]),
        "middle": _by_seed(80 + noise[2]), "also": _by_seed(80.002 + noise[3]),
    }  # fmt: skip
    found = rank_by_mean(group)
    assert (found["best"].place, found["best"].low, found["best"].high) == (1, 1, 1)
    assert (found["worst"].place, found["worst"].low, found["worst"].high) == (4, 4, 4)
    assert {found[name].place for name in ("middle", "also")} == {2, 3}
    assert {(found[name].low, found[name].high) for name in ("middle", "also")} == {(2, 3)}


def test_the_same_values_in_another_order_share_a_rank() -> None:
    values = np.array([0.1, 0.2, 0.3, 0.7, 0.9])
    found = rank_by_mean(
        {"a": _by_seed(values), "b": _by_seed(values[::-1]), "c": _by_seed(values - 1)}
    )
    assert (found["a"].place, found["b"].place, found["c"].place) == (1, 1, 3)
    assert (found["a"].low, found["b"].low) == (1, 1)


@pytest.mark.parametrize("seeds", [3, 5, 10])
def test_methods_of_one_distribution_differ_significantly_in_at_most_one_case_of_twenty(
    seeds: int,
) -> None:
    """Four equal methods, 600 studies: any significant pair counts (the family's error)."""
    generator = np.random.default_rng(seeds)
    wrong = 0
    for drawn in generator.normal(size=(600, 4, seeds)):
        shared = generator.normal(size=seeds)  # what a seed does to all methods
        found = rank_by_mean(
            {name: _by_seed(row + shared) for name, row in zip("abcd", drawn, strict=True)}
        )
        wrong += any((rank.low, rank.high) != (1, 4) for rank in found.values())
    assert wrong / 600 <= 0.068  # 0.05 and two standard errors


def test_methods_without_common_seeds_have_no_interval_of_ranks() -> None:
    found = rank_by_mean({"a": {0: 1.0, 1: 1.0, 2: 1.0}, "b": {3: 2.0, 4: 2.0, 5: 2.0}})
    assert (found["b"].place, found["b"].low) == (1, None)
    assert find_significant_pairs({"a": {0: 1.0}, "b": {0: 2.0}}) == (set(), 0)


def test_spearman_is_that_of_scipy_and_not_stated_of_few_or_equal_points() -> None:
    generator = np.random.default_rng(2)
    one = pd.Series(generator.integers(4, size=12))
    other = pd.Series(generator.random(12))
    assert spearman(one, other) == pytest.approx(stats.spearmanr(one, other).statistic)
    assert spearman(one[:4], other[:4]) is None
    assert spearman(pd.Series([1.0] * 12), other) is None


def test_differences_in_columns() -> None:
    columns = compare_by_seed(ONE, OTHER).to_columns()
    assert columns["difference_points"] == pytest.approx(0.62)
    low, high = columns["difference_low_points"], columns["difference_high_points"]
    assert low is not None and high is not None and low < 0.62 < high
    assert set(compare_by_seed({}, OTHER).to_columns().values()) == {None}
