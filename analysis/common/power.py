"""Power: the smallest difference that a comparison had a probability of 80 % to find significant.

Values are taken to be normal, with the standard deviation of the compared samples. The test is
the one that `comparisons` uses, at the error that Holm's correction asks of the smallest of several
p-values: 1 - level, by default 5 %, over their number. A rank test rejects where the shift exceeds
a certain order statistic of the differences, so the shift sought is the 80 % quantile of that order
statistic over simulated samples; the same numbers are drawn in every call.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from analysis.common import rank_statistics
from analysis.common.intervals import LEVEL, Array

POWER = 0.8
SIMULATIONS = 4000
_MOST_DIFFERENCES = 8_000_000
"""Simulated differences at a time: fewer samples are simulated where each has very many."""


def find_smallest_shift(one: Array, other: Array, tests: int, level: float = LEVEL) -> float:
    """Of two independent samples, in their unit; infinite where so few seeds never reject.

    tests: over how many comparisons p-values are corrected. The spread is the pooled standard
    deviation, and 0 where no value varies.
    """
    freedom = len(one) + len(other) - 2
    if freedom < 1:
        return math.inf
    squares = ((one - one.mean()) ** 2).sum() + ((other - other.mean()) ** 2).sum()
    shift = simulate_shift(len(one), len(other), tests, level)
    return _scale(math.sqrt(squares / freedom), shift)


def find_smallest_paired_shift(gaps: Array, tests: int, level: float = LEVEL) -> float:
    """The same of paired differences."""
    if len(gaps) < 2:
        return math.inf
    return _scale(float(gaps.std(ddof=1)), simulate_paired_shift(len(gaps), tests, level))


@lru_cache(maxsize=256)
def simulate_shift(one: int, other: int, tests: int, level: float = LEVEL) -> float:
    """The smallest shift of two samples of so many values, in standard deviations."""
    critical = rank_statistics.critical_rank_sum(one, other, 1 - (1 - level) / tests)
    if critical is None:
        return math.inf
    draw = np.random.default_rng([one, other]).normal
    count = min(SIMULATIONS, _MOST_DIFFERENCES // (one * other))
    gaps = draw(size=(count, 1, other)) - draw(size=(count, one, 1))
    return _take_quantile(gaps.reshape(count, -1), critical)


@lru_cache(maxsize=256)
def simulate_paired_shift(seeds: int, tests: int, level: float = LEVEL) -> float:
    """The same of so many paired differences, in standard deviations of a difference."""
    critical = rank_statistics.critical_signed_rank(seeds, 1 - (1 - level) / tests)
    if critical is None:
        return math.inf
    first, second = np.triu_indices(seeds)
    count = min(SIMULATIONS, _MOST_DIFFERENCES // len(first))
    gaps = np.random.default_rng(seeds).normal(size=(count, seeds))
    return _take_quantile((gaps[:, first] + gaps[:, second]) / 2, critical)


def _take_quantile(gaps: Array, critical: int) -> float:
    """Of the shifts from which on each simulated sample is significant: [samples, differences]."""
    place = gaps.shape[1] - critical
    return float(np.quantile(np.partition(gaps, place, axis=1)[:, place], POWER))


def _scale(deviation: float, shift: float) -> float:
    return math.inf if math.isinf(shift) else deviation * shift
