"""Rank tests with ties, the shifts that they do not reject, rank correlation and its noise ceiling.

Up to `MOST_EXACT` values the tests are exact whatever the values are: their p-values come from the
distribution of the statistic over all permutations (rank sums) or all signs (signed ranks), counted
by dynamic programming, whose work grows with the fourth power of the number of values. Above, it is
the normal distribution of the same mean and variance, with a correction for continuity (Hollander,
Wolfe and Chicken 2014, Nonparametric Statistical Methods, sections 3.1 and 4.1). Equal values share
their mean rank. p-values are two-sided: twice the smaller tail, at most 1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from scipy import special

from analysis.common.intervals import LEVEL, Array, Bounds

FEWEST_POINTS = 5
"""Below this no rank correlation is stated."""
MOST_EXACT = 100
"""So many values, of both samples together, have exact tests."""
EXACTNESS = f"exact up to {MOST_EXACT} values, above of the normal approximation"
"""What tables say of p-values and intervals."""
_DECIMALS = 9
"""Values that agree in so many decimals are equal: sums of the same numbers in another order."""


def rank_sum_p(one: Array, other: Array) -> float:
    """p-value of the Wilcoxon-Mann-Whitney test that two independent samples are of one kind."""
    ranks = _double_ranks(np.concatenate([one, other]))
    if len(ranks) > MOST_EXACT:
        variance = len(one) * len(other) * ranks.var(ddof=1) / len(ranks)
        return _two_sided_normal(ranks[: len(one)].sum(), len(one) * ranks.mean(), variance)
    return _two_sided(_count_rank_sums(tuple(ranks), len(one)), int(ranks[: len(one)].sum()))


def signed_rank_p(gaps: Array) -> float:
    """p-value of Wilcoxon's signed-rank test that differences are symmetric about 0.

    Differences of 0 are left out (Wilcoxon 1945).
    """
    kept = np.round(gaps, _DECIMALS)
    kept = kept[kept != 0]
    ranks = _double_ranks(np.abs(kept))
    if len(ranks) > MOST_EXACT:
        return _two_sided_normal(ranks[kept > 0].sum(), ranks.sum() / 2, (ranks**2).sum() / 4)
    return _two_sided(_count_signed_ranks(tuple(ranks)), int(ranks[kept > 0].sum()))


def list_shifts(one: Array, other: Array) -> Array:
    """Every difference of a value of `one` from a value of `other`, sorted: [one * other]."""
    return np.sort(np.subtract.outer(one, other).ravel())


def list_walsh_averages(gaps: Array) -> Array:
    """The mean of every pair of differences, each with itself too, sorted: [n (n + 1) / 2]."""
    first, second = np.triu_indices(len(gaps))
    return np.sort((gaps[first] + gaps[second]) / 2)


def critical_rank_sum(one: int, other: int, level: float) -> int | None:
    """The k of which the k-th lowest and highest of `list_shifts` bound a two-sided interval.

    The interval has all shifts that the test without ties does not reject at 1 - level (Hodges and
    Lehmann 1963; Hollander, Wolfe and Chicken 2014, section 4.3); with ties it covers no less. None
    where so few values never reject.
    """
    if one + other > MOST_EXACT:
        return _critical_normal(one * other / 2, one * other * (one + other + 1) / 12, level)
    counts = _count_rank_sums(tuple(range(2, 2 * (one + other) + 1, 2)), one)
    return _critical(counts[one * (one + 1) :: 2], level)


def critical_signed_rank(gaps: int, level: float) -> int | None:
    """The same for `list_walsh_averages` of so many differences (the same book, section 3.3)."""
    if gaps > MOST_EXACT:
        mean = gaps * (gaps + 1) / 4
        return _critical_normal(mean, mean * (2 * gaps + 1) / 6, level)
    return _critical(_count_signed_ranks(tuple(range(2, 2 * gaps + 1, 2)))[::2], level)


def bound(shifts: Array, critical: int | None) -> Bounds:
    """The interval of a critical number; infinite where it is None."""
    if critical is None:
        return -math.inf, math.inf
    return float(shifts[critical - 1]), float(shifts[-critical])


def probability_of_improvement(
    one: Array, other: Array, level: float = LEVEL
) -> tuple[float, float, float]:
    """P(a value of `one` is the higher one), ties half, with its interval.

    The interval is Newcombe's method 5 (2006, Statistics in Medicine 25:559): the values theta
    that differ from the estimate by at most z standard errors, with Hanley and McNeil's error at
    theta and the mean of the samples' sizes.
    """
    gaps = np.round(np.subtract.outer(one, other), _DECIMALS)
    estimate = float(((gaps > 0) + 0.5 * (gaps == 0)).mean())
    size = (len(one) + len(other)) / 2 - 1
    z = _normal_quantile(level)

    def excess(theta: float) -> float:
        spread = 1 + size * ((1 - theta) / (2 - theta) + theta / (1 + theta))
        variance = theta * (1 - theta) * spread / gaps.size
        return (estimate - theta) ** 2 - z**2 * variance

    return estimate, _solve(excess, 0.0, estimate), _solve(excess, 1.0, estimate)


def share_of_improvements(gaps: Array, level: float = LEVEL) -> tuple[float, float, float]:
    """The share of differences above 0, ties half, with Wilson's (1927) interval."""
    rounded, count, z = np.round(gaps, _DECIMALS), len(gaps), _normal_quantile(level)
    share = float(((rounded > 0) + 0.5 * (rounded == 0)).mean())
    centre = (share + z**2 / (2 * count)) / (1 + z**2 / count)
    reach = z / (1 + z**2 / count) * math.sqrt(share * (1 - share) / count + (z / 2 / count) ** 2)
    return share, max(0.0, centre - reach), min(1.0, centre + reach)


def spearman(one: pd.Series[Any], other: pd.Series[Any]) -> float | None:
    """Rank correlation; None below `FEWEST_POINTS` points and where one of them does not vary."""
    if len(one) < FEWEST_POINTS or one.nunique() < 2 or other.nunique() < 2:
        return None
    ranks = pd.DataFrame({"one": one.astype(float), "other": other.astype(float)}).rank()
    return round(float(ranks.corr().to_numpy()[0, 1]), 12) + 0.0  # no -0.0 from rounding errors


def reliability(trainings: Sequence[Sequence[float]]) -> float | None:
    """Of the ranks of architectures by their mean accuracy, 0 to 1: [architectures][trainings].

    From the mean rank correlation of two trainings of the architectures with several (Spearman
    1910, Brown 1910: how reliable a mean is by how well its parts agree), for a mean of the fewest
    trainings that an architecture has, be it one: where others have more it is at least that. A
    training that does not tell architectures apart is left out. None for fewer than
    `FEWEST_POINTS` architectures with several.
    """
    several = [own for own in trainings if len(own) > 1]
    if len(several) < FEWEST_POINTS:
        return None
    count = min(map(len, several))
    columns = np.array([own[:count] for own in several]).T
    agreements = [
        spearman(pd.Series(one), pd.Series(other)) for one, other in combinations(columns, 2)
    ]
    found = [value for value in agreements if value is not None and not np.isnan(value)]
    if not found:
        return None
    agreement, count = max(0.0, float(np.mean(found))), min(len(own) for own in trainings if own)
    return count * agreement / (1 + (count - 1) * agreement)


def ceiling(*reliabilities: float | None) -> float | None:
    """The highest rank correlation to expect of scores with these reliabilities (Spearman 1904).

    None where one is not known. A score without noise, such as a prediction, has a reliability of 1
    and need not be given.
    """
    known = [value for value in reliabilities if value is not None]
    return float(np.sqrt(np.prod(known))) if len(known) == len(reliabilities) else None


def _double_ranks(values: Array) -> Any:
    """Twice the rank of each value, so that the mean rank of equal ones is a whole number."""
    _, places, counts = np.unique(
        np.round(values, _DECIMALS), return_inverse=True, return_counts=True
    )
    ends = np.cumsum(counts)
    return (2 * ends - counts + 1)[places]


@lru_cache(maxsize=256)
def _count_rank_sums(ranks: tuple[int, ...], chosen: int) -> Array:
    """In how many ways `chosen` of the ranks have each sum: [sum of all + 1]."""
    counts = np.zeros((chosen + 1, sum(ranks) + 1))
    counts[0, 0] = 1
    for rank in ranks:
        counts[1:, rank:] += counts[:-1, : counts.shape[1] - rank].copy()
    return counts[chosen].copy()


@lru_cache(maxsize=256)
def _count_signed_ranks(ranks: tuple[int, ...]) -> Array:
    """In how many ways some of the ranks have each sum: [sum of all + 1]."""
    counts = np.zeros(sum(ranks) + 1)
    counts[0] = 1
    for rank in ranks:
        counts[rank:] += counts[: len(counts) - rank].copy()
    return counts


def _two_sided(counts: Array, observed: int) -> float:
    below, above = counts[: observed + 1].sum(), counts[observed:].sum()
    return float(min(1.0, 2 * min(below, above) / counts.sum()))


def _critical(counts: Array, level: float) -> int | None:
    """The largest k with P(statistic < k) at most (1 - level) / 2; None where that is 0."""
    tails = np.cumsum(counts) / counts.sum()
    critical = int((tails <= (1 - level) / 2 + 1e-12).sum())
    return critical or None


def _two_sided_normal(observed: float, mean: float, variance: float) -> float:
    """Of a sum of doubled ranks, whose correction for continuity is 1: half a rank, doubled."""
    if variance == 0:
        return 1.0
    nearest = max(0.0, abs(observed - mean) - 1)
    return float(min(1.0, 2 * special.ndtr(-nearest / math.sqrt(variance))))


def _critical_normal(mean: float, variance: float, level: float) -> int | None:
    """The largest k with P(statistic < k) at most (1 - level) / 2, of a sum of ranks, or None."""
    critical = math.floor(mean - _normal_quantile(level) * math.sqrt(variance) + 0.5)
    return critical if critical > 0 else None


def _normal_quantile(level: float) -> float:
    return float(special.ndtri((1 + level) / 2))


def _solve(excess: Any, outside: float, inside: float) -> float:
    """Where `excess` turns negative between a value outside an interval and one inside, halving."""
    if excess(outside) <= 0 and outside == inside:
        return outside
    for _ in range(60):
        middle = (outside + inside) / 2
        outside, inside = (middle, inside) if excess(middle) > 0 else (outside, middle)
    return inside
