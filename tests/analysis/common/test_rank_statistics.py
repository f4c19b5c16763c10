"""Exact tests, shifts and probabilities of improvement: by hand, by enumeration and by scipy."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.common import rank_statistics
from analysis.common.rank_statistics import (
    bound,
    critical_rank_sum,
    critical_signed_rank,
    list_shifts,
    list_walsh_averages,
    probability_of_improvement,
    rank_sum_p,
    share_of_improvements,
    signed_rank_p,
    spearman,
)

ONE = np.array([91.2, 90.1, 92.4, 90.9, 91.8])
OTHER = np.array([90.7, 90.3, 91.1, 90.2, 91.0])


def test_rank_sum_by_hand() -> None:
    """Of the 10 ways to choose 2 of 5 ranks one is as extreme, at either end: 2/10."""
    assert rank_sum_p(np.array([4.0, 5.0]), np.array([1.0, 2.0, 3.0])) == pytest.approx(0.2)
    assert rank_sum_p(ONE, ONE) == 1
    assert rank_sum_p(np.zeros(4), np.zeros(7)) == 1


@pytest.mark.parametrize("sizes", [(2, 3), (5, 5), (10, 4), (10, 10)])
def test_rank_sum_without_ties_is_the_exact_test_of_scipy(sizes: tuple[int, int]) -> None:
    generator = np.random.default_rng(sizes)
    for _ in range(10):
        one, other = (generator.normal(size=size) for size in sizes)
        expected = stats.mannwhitneyu(one, other, method="exact").pvalue
        assert rank_sum_p(one, other) == pytest.approx(expected)


def test_rank_sum_with_ties_is_the_permutation_test_of_scipy() -> None:
    generator = np.random.default_rng(1)

    def rank_sum(one: np.ndarray, other: np.ndarray) -> float:
        return float(stats.rankdata([*one, *other])[: len(one)].sum())

    for _ in range(12):
        one, other = generator.integers(4, size=4) + 0.0, generator.integers(4, size=5) + 0.0
        expected = stats.permutation_test((one, other), rank_sum, n_resamples=10_000)
        assert rank_sum_p(one, other) == pytest.approx(expected.pvalue)


def test_signed_rank_by_hand() -> None:
    """Five differences of one sign: 2 of the 32 signs; a difference of 0 is left out."""
    assert signed_rank_p(np.array([1.0, 2.0, 3.0, 4.0, 5.0])) == pytest.approx(2 / 32)
    assert signed_rank_p(np.array([0.0, 1.0, 2.0, 3.0, 4.0, 5.0])) == pytest.approx(2 / 32)
    assert signed_rank_p(np.zeros(6)) == 1


def test_signed_rank_is_the_exact_test_of_scipy_and_with_ties_every_sign() -> None:
    generator = np.random.default_rng(2)
    for _ in range(10):
        gaps = generator.normal(size=9)
        expected = stats.wilcoxon(gaps, method="exact").pvalue
        assert signed_rank_p(gaps) == pytest.approx(expected)
    tied = np.array([1.0, -1.0, 2.0, 2.0, 3.0])
    ranks = stats.rankdata(np.abs(tied))
    sums = np.array([np.dot(signs, ranks) for signs in product([0, 1], repeat=5)])
    observed = ranks[tied > 0].sum()
    tails = [(sums <= observed).mean(), (sums >= observed).mean()]
    assert signed_rank_p(tied) == pytest.approx(min(1, 2 * min(tails)))


def test_an_interval_of_shifts_has_what_the_test_does_not_reject() -> None:
    generator = np.random.default_rng(4)
    one, other = generator.normal(1, 1, size=7), generator.normal(0, 1, size=6)
    low, high = bound(list_shifts(one, other), critical_rank_sum(7, 6, 0.95))
    for shift in np.linspace(-3, 5, 200):
        p_value = stats.mannwhitneyu(one - shift, other, method="exact").pvalue
        assert (low <= shift <= high) == (p_value > 0.05)
    gaps = generator.normal(0.5, 1, size=8)
    low, high = bound(list_walsh_averages(gaps), critical_signed_rank(8, 0.95))
    for shift in np.linspace(-3, 5, 200):
        p_value = stats.wilcoxon(gaps - shift, method="exact").pvalue
        assert (low <= shift <= high) == (p_value > 0.05)


def test_critical_numbers_are_those_of_the_tables_of_the_book() -> None:
    """Mann-Whitney U at 5 % two-sided: 23 of 10 and 10, 2 of 5 and 5; Wilcoxon: 8 of 10."""
    assert critical_rank_sum(10, 10, 0.95) == 23 + 1
    assert critical_rank_sum(5, 5, 0.95) == 2 + 1
    assert critical_signed_rank(10, 0.95) == 8 + 1


def test_so_few_values_never_reject_and_have_no_bounds() -> None:
    assert critical_rank_sum(3, 3, 0.95) is None and critical_rank_sum(4, 4, 0.95) == 1
    assert critical_signed_rank(5, 0.95) is None and critical_signed_rank(6, 0.95) == 1
    assert bound(list_shifts(ONE, OTHER), None) == (-math.inf, math.inf)


def test_probability_of_improvement_is_that_of_scipy_and_its_bounds_solve_their_equation() -> None:
    share, low, high = probability_of_improvement(ONE, OTHER)
    assert share == pytest.approx(stats.mannwhitneyu(ONE, OTHER).statistic / 25)
    z = stats.norm.ppf(0.975)
    for theta in (low, high):  # Newcombe 2006: Hanley and McNeil's variance at (m + n) / 2
        q1, q2 = theta / (2 - theta), 2 * theta**2 / (1 + theta)
        variance = theta * (1 - theta) + 4 * (q1 - theta**2) + 4 * (q2 - theta**2)
        assert abs(share - theta) == pytest.approx(z * math.sqrt(variance / 25))
    assert 0 < low < share < high < 1
    assert probability_of_improvement(ONE, ONE)[0] == 0.5
    share, low, high = probability_of_improvement(ONE + 9, OTHER)
    assert (share, high) == (1, 1) and 0.4 < low < 0.8
    share, low, high = probability_of_improvement(ONE - 9, OTHER)
    assert (share, low) == (0, 0) and 0.2 < high < 0.6


def test_probability_of_improvement_covers_what_it_promises() -> None:
    generator = np.random.default_rng(0)
    truth = stats.norm.cdf(1 / math.sqrt(2))
    drawn = generator.normal(size=(800, 2, 10)) + np.array([1.0, 0.0])[:, None]
    bounds = [probability_of_improvement(one, other)[1:] for one, other in drawn]
    assert np.mean([low <= truth <= high for low, high in bounds]) >= 0.93


def test_the_share_of_improvements_has_the_interval_of_wilson() -> None:
    gaps = np.array([1.0, -1.0, 2.0, 3.0])
    found = share_of_improvements(gaps)
    expected = stats.binomtest(3, 4).proportion_ci(0.95, "wilson")
    assert found == pytest.approx((0.75, expected.low, expected.high))
    assert share_of_improvements(np.array([0.0, 1.0]))[0] == 0.75


def test_oracles_of_statsmodels() -> None:
    proportion = pytest.importorskip("statsmodels.stats.proportion")
    multitest = pytest.importorskip("statsmodels.stats.multitest")
    from analysis.common.comparisons import correct_by_holm

    low, high = proportion.proportion_confint(7, 9, method="wilson")
    gaps = np.array([1.0] * 7 + [-1.0] * 2)
    assert share_of_improvements(gaps)[1:] == pytest.approx((low, high))
    p_values = [0.03, 0.01, 0.9, 0.02, 0.02]
    expected = multitest.multipletests(p_values, method="holm")[1]
    assert correct_by_holm(p_values) == pytest.approx(list(expected))


def test_spearman_is_that_of_scipy_and_not_stated_of_few_or_equal_points() -> None:
    generator = np.random.default_rng(2)
    one = pd.Series(generator.integers(4, size=12))
    other = pd.Series(generator.random(12))
    assert spearman(one, other) == pytest.approx(stats.spearmanr(one, other).statistic)
    assert spearman(one[: rank_statistics.FEWEST_POINTS - 1], other[:4]) is None
    assert spearman(pd.Series([1.0] * 12), other) is None


@pytest.mark.parametrize("decimals", [9, 1])
def test_many_values_have_the_normal_distribution_of_scipy(decimals: int) -> None:
    generator = np.random.default_rng(0)
    one = generator.normal(0.2, size=300).round(decimals)
    other = generator.normal(size=280).round(decimals)
    expected = stats.mannwhitneyu(one, other, method="asymptotic").pvalue
    assert rank_statistics.rank_sum_p(one, other) == pytest.approx(expected, rel=1e-9)
    gaps = (one[:280] - other).round(decimals)
    expected = stats.wilcoxon(gaps, correction=True, mode="approx").pvalue
    assert rank_statistics.signed_rank_p(gaps) == pytest.approx(expected, rel=1e-9)
    assert rank_statistics.rank_sum_p(np.zeros(300), np.zeros(200)) == 1
    assert rank_statistics.signed_rank_p(np.zeros(300)) == 1


def test_one_value_against_many_never_rejects() -> None:
    assert critical_rank_sum(1, 200, 0.95) is None
    assert 1 <= (critical_rank_sum(3, 200, 0.95) or 0) < 300
    assert rank_statistics.rank_sum_p(np.array([5.0]), np.arange(200.0)) < 0.2


def test_exact_tests_and_normal_ones_meet(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(1)
    one, other = generator.normal(0.4, size=50), generator.normal(size=50)

    def compute() -> list[float]:
        found = [rank_statistics.rank_sum_p(one, other), rank_statistics.signed_rank_p(one - other)]
        for level in (0.9, 0.95, 0.99):
            found += [rank_statistics.critical_rank_sum(50, 50, level) or 0]
            found += [rank_statistics.critical_signed_rank(50, level) or 0]
        return found

    exact = compute()
    monkeypatch.setattr(rank_statistics, "MOST_EXACT", 10)
    assert compute() == pytest.approx(exact, rel=0.02, abs=0.002)
