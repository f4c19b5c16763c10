"""Differences between methods: rank tests, their size, and what may be concluded from them.

A sample is a method's accuracies by search. Two samples that have searches in common (an
architecture evaluated in two ways) are compared search by search. Any others are independent: two
methods draw different numbers from the same seed, and `random` shares nothing with anyone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

import numpy as np

from analysis.common import power, rank_statistics
from analysis.common.intervals import FEWEST_SEEDS, LEVEL, Array, seed_means

COLUMNS = (
    "paired", "compared_seeds", "mean_difference_points",
    "shift_points", "shift_low_points", "shift_high_points",
    "better_share", "better_low_share", "better_high_share",
    "p_value", "p_value_holm", "verdict", "detectable_points",
)  # fmt: skip
"""What tables of accuracies in percent call the values of a `Judgement`."""
SAME = 1e-9
"""Means closer than this are one number that was summed in another order."""

T = TypeVar("T")
Sample = Mapping[str, float | Sequence[float]]
"""A method's values by search: the search's id -> its value, or one value for each evaluation."""


class Verdict(StrEnum):
    """What a comparison allows to say of a method against another."""

    BETTER = "better"
    WORSE = "worse"
    EQUIVALENT = "equivalent"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class Comparison:
    """A sample against a baseline's; differences are sample minus baseline, in its unit.

    paired: whether they share searches. seeds: how many values of each count. mean: the difference
    of the means. shift, low, high: the Hodges-Lehmann estimate of the shift and its interval,
    infinite where there are too few seeds. inner_low, inner_high: the same at 2 level - 1, which
    is two one-sided tests at 1 - level (Schuirmann 1987). better: P(a value of the sample is the
    higher one), ties half, with its interval. p_value: of the rank-sum test or, paired, of
    the signed-rank test. level: of the intervals, and one minus the error of a verdict.
    """

    paired: bool
    seeds: tuple[int, int]
    mean: float
    shift: float
    low: float
    high: float
    inner_low: float
    inner_high: float
    better: float
    better_low: float
    better_high: float
    p_value: float
    level: float = LEVEL


@dataclass(frozen=True)
class Judgement:
    """A comparison among several: the p-value corrected for these, the verdict, the power.

    detectable: the smallest difference that was found significant with a probability of 80 %
    (`power.find_smallest_shift`); infinite where so few seeds cannot find any.
    """

    comparison: Comparison
    p_holm: float
    verdict: Verdict
    detectable: float

    def to_columns(self) -> dict[str, float | str | bool | None]:
        """What tables of accuracies in percent call these values; what is infinite is empty."""
        own = self.comparison
        return {
            "paired": own.paired,
            "compared_seeds": min(own.seeds),
            "mean_difference_points": own.mean,
            "shift_points": own.shift,
            "shift_low_points": _finite_or_none(own.low),
            "shift_high_points": _finite_or_none(own.high),
            "better_share": own.better,
            "better_low_share": own.better_low,
            "better_high_share": own.better_high,
            "p_value": own.p_value,
            "p_value_holm": self.p_holm,
            "verdict": str(self.verdict),
            "detectable_points": _finite_or_none(self.detectable),
        }


def compare(sample: Sample, baseline: Sample, level: float = LEVEL) -> Comparison:
    """A sample against a baseline's. Raises ValueError where one of them is empty."""
    one, other, paired = _align(sample, baseline)
    levels = (level, 2 * level - 1)
    if paired:
        gaps = one - other
        shifts = rank_statistics.list_walsh_averages(gaps)
        criticals = [rank_statistics.critical_signed_rank(len(gaps), each) for each in levels]
        better = rank_statistics.share_of_improvements(gaps, level)
        p_value = rank_statistics.signed_rank_p(gaps)
    else:
        shifts = rank_statistics.list_shifts(one, other)
        sizes = len(one), len(other)
        criticals = [rank_statistics.critical_rank_sum(*sizes, each) for each in levels]
        better = rank_statistics.probability_of_improvement(one, other, level)
        p_value = rank_statistics.rank_sum_p(one, other)
    (low, high), (inner_low, inner_high) = (rank_statistics.bound(shifts, k) for k in criticals)
    return Comparison(
        paired=paired,
        seeds=(len(one), len(other)),
        mean=float(one.mean() - other.mean()),
        shift=float(np.median(shifts)),
        low=low,
        high=high,
        inner_low=inner_low,
        inner_high=inner_high,
        better=better[0],
        better_low=better[1],
        better_high=better[2],
        p_value=p_value,
        level=level,
    )


def judge(samples: Mapping[T, Sample], baseline: Sample, region: float) -> dict[T, Judgement]:
    """Each sample against the baseline's; p-values are corrected by Holm over the samples.

    region: differences up to this size do not matter, in the values' unit. Raises ValueError where
    a sample is empty.
    """
    return judge_pairs({name: (sample, baseline) for name, sample in samples.items()}, region)


def judge_pairs(
    pairs: Mapping[T, tuple[Sample, Sample]],
    region: float,
    level: float = LEVEL,
    others: Sequence[float] = (),
) -> dict[T, Judgement]:
    """The first of each pair against the second, at an error of 1 - level.

    others: p-values of further pairs of the family over which Holm corrects. Raises as `judge`.
    """
    compared = {name: compare(*pair, level) for name, pair in pairs.items()}
    corrected = correct_by_holm([*(one.p_value for one in compared.values()), *others])
    return {
        name: Judgement(
            comparison,
            p_holm,
            conclude(comparison, p_holm, region),
            _find_detectable(*pairs[name], len(corrected), level),
        )
        for (name, comparison), p_holm in zip(compared.items(), corrected, strict=False)
    }


def conclude(comparison: Comparison, p_holm: float, region: float) -> Verdict:
    """The verdict of a comparison whose corrected p-value is `p_holm`.

    - equivalent: the inner interval of the shift (90 % at a level of 95 %) and the difference of
      the means lie in the region of practical equivalence, [-region, region]; also where the
      difference is significant.
    - better, worse: significant at 1 - level (5 %), and most of the pairs and the means differ in
      the same direction.
    - undecided: all else, and always with fewer than `FEWEST_SEEDS` seeds.
    """
    if min(comparison.seeds) < FEWEST_SEEDS:
        return Verdict.UNDECIDED
    within = (comparison.inner_low, comparison.inner_high, comparison.mean)
    if all(abs(value) <= region + SAME for value in within):
        return Verdict.EQUIVALENT
    if p_holm < 1 - comparison.level:
        if comparison.better > 0.5 and comparison.mean > 0:
            return Verdict.BETTER
        if comparison.better < 0.5 and comparison.mean < 0:
            return Verdict.WORSE
    return Verdict.UNDECIDED


def correct_by_holm(p_values: Sequence[float]) -> list[float]:
    """P-values corrected for being several (Holm 1979)."""
    corrected = [0.0] * len(p_values)
    largest = 0.0
    for done, (p, place) in enumerate(sorted((p, place) for place, p in enumerate(p_values))):
        largest = max(largest, min(1.0, (len(p_values) - done) * p))
        corrected[place] = largest
    return corrected


def _finite_or_none(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _align(sample: Sample, baseline: Sample) -> tuple[Array, Array, bool]:
    """The values that are compared, and whether they are paired: then of common searches alone."""
    common = sorted(sample.keys() & baseline.keys())
    if not common:
        return list_means(sample), list_means(baseline), False
    return (
        list_means({search: sample[search] for search in common}),
        list_means({search: baseline[search] for search in common}),
        True,
    )


def list_means(sample: Sample) -> Array:
    """The mean of each search's evaluations, in the sample's order: [searches]."""
    return seed_means([np.atleast_1d(values) for values in sample.values()])


def _find_detectable(sample: Sample, baseline: Sample, tests: int, level: float) -> float:
    one, other, paired = _align(sample, baseline)
    if paired:
        return power.find_smallest_paired_shift(one - other, tests, level)
    return power.find_smallest_shift(one, other, tests, level)
