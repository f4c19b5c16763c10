"""Differences between methods: exact tests, their size, and what may be concluded from them.

A sample is a method's accuracies by search. Two samples that have searches in common (an
architecture evaluated in two ways) are compared search by search. Any others are independent: two
methods draw different numbers from the same seed, and `random` shares nothing with anyone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations

import numpy as np

from analysis.common import power, rank_statistics
from analysis.common.intervals import FEWEST_SEEDS, LEVEL, Array, seed_means

EQUIVALENCE_LEVEL = 2 * LEVEL - 1
"""Level of the interval that must lie in the region of equivalence: 90 %, which is two one-sided
tests at 5 % (Schuirmann 1987)."""
_SAME = 1e-9
"""Means closer than this are one number that was summed in another order."""

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
    of the means. shift, low, high: the Hodges-Lehmann estimate of the shift and its 95 % interval,
    infinite where there are too few seeds. inner_low, inner_high: the same at 90 %. better: P(a
    value of the sample is the higher one), ties half, with its 95 % interval. p_value: of the exact
    rank-sum test or, paired, of the exact signed-rank test.
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

    @property
    def has_few_seeds(self) -> bool:
        """Whether a verdict would rest on fewer than `FEWEST_SEEDS` seeds."""
        return min(self.seeds) < FEWEST_SEEDS


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

    def to_columns(self) -> dict[str, float | str | bool]:
        """What tables of accuracies in percent call these values."""
        own = self.comparison
        return {
            "paired": own.paired,
            "mean_difference_points": own.mean,
            "shift_points": own.shift,
            "shift_low_points": own.low,
            "shift_high_points": own.high,
            "better_share": own.better,
            "better_low_share": own.better_low,
            "better_high_share": own.better_high,
            "p_value": own.p_value,
            "p_value_holm": self.p_holm,
            "verdict": str(self.verdict),
            "detectable_points": self.detectable,
        }


def compare(sample: Sample, baseline: Sample) -> Comparison:
    """A sample against a baseline's. Raises ValueError where one of them is empty."""
    one, other, paired = _align(sample, baseline)
    if paired:
        gaps = one - other
        shifts = rank_statistics.list_walsh_averages(gaps)
        criticals = [
            rank_statistics.critical_signed_rank(len(gaps), level)
            for level in (LEVEL, EQUIVALENCE_LEVEL)
        ]
        better = rank_statistics.share_of_improvements(gaps)
        p_value = rank_statistics.signed_rank_p(gaps)
    else:
        shifts = rank_statistics.list_shifts(one, other)
        criticals = [
            rank_statistics.critical_rank_sum(len(one), len(other), level)
            for level in (LEVEL, EQUIVALENCE_LEVEL)
        ]
        better = rank_statistics.probability_of_improvement(one, other)
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
    )


def judge(samples: Mapping[str, Sample], baseline: Sample, region: float) -> dict[str, Judgement]:
    """Each sample against the baseline's; p-values are corrected by Holm over the samples.

    region: differences up to this size do not matter, in the values' unit. Raises ValueError where
    a sample is empty.
    """
    compared = {name: compare(sample, baseline) for name, sample in samples.items()}
    corrected = correct_by_holm([one.p_value for one in compared.values()])
    return {
        name: Judgement(
            comparison,
            p_holm,
            conclude(comparison, p_holm, region),
            _find_detectable(samples[name], baseline, len(compared)),
        )
        for (name, comparison), p_holm in zip(compared.items(), corrected, strict=True)
    }


def conclude(comparison: Comparison, p_holm: float, region: float) -> Verdict:
    """The verdict of a comparison whose corrected p-value is `p_holm`.

    - equivalent: the 90 % interval of the shift and the difference of the means lie in the region
      of practical equivalence, [-region, region]; also where the difference is significant.
    - better, worse: significant at 5 %, and shift and means differ in the same direction.
    - undecided: all else, and always with fewer than `FEWEST_SEEDS` seeds.
    """
    if comparison.has_few_seeds:
        return Verdict.UNDECIDED
    within = (comparison.inner_low, comparison.inner_high, comparison.mean)
    if all(abs(value) <= region + _SAME for value in within):
        return Verdict.EQUIVALENT
    if p_holm < 1 - LEVEL:
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


@dataclass(frozen=True)
class Rank:
    """A place by mean, 1 the highest, equal means sharing it, and the interval of places.

    All intervals of one group hold together at 95 % (Mogstad, Romano, Shaikh and Wilhelm 2024):
    a method is above or below another where it is better or worse (`find_better_pairs`).
    """

    place: int
    low: int
    high: int


def find_better_pairs(group: Mapping[str, Sample], region: float) -> set[tuple[str, str]]:
    """(better, worse) of every pair of a group of which that is the verdict.

    p-values are corrected by Holm over all pairs of the group.
    """
    pairs = list(combinations(sorted(group), 2))
    compared = [compare(group[one], group[other]) for one, other in pairs]
    corrected = correct_by_holm([comparison.p_value for comparison in compared])
    found = set()
    for (one, other), comparison, p_holm in zip(pairs, compared, corrected, strict=True):
        verdict = conclude(comparison, p_holm, region)
        if verdict in (Verdict.BETTER, Verdict.WORSE):
            found.add((one, other) if verdict is Verdict.BETTER else (other, one))
    return found


def rank_by_mean(group: Mapping[str, Sample], region: float) -> dict[str, Rank]:
    """The rank of each label of a group by its mean over seeds, with its interval."""
    means = {label: float(np.sort(_list_means(sample)).mean()) for label, sample in group.items()}
    found = find_better_pairs(group, region)
    return {
        label: Rank(
            place=1 + sum(other > mean + _SAME for other in means.values()),
            low=1 + sum(worse == label for _, worse in found),
            high=len(group) - sum(better == label for better, _ in found),
        )
        for label, mean in means.items()
    }


def _align(sample: Sample, baseline: Sample) -> tuple[Array, Array, bool]:
    """The values that are compared, and whether they are paired: then of common searches alone."""
    common = sorted(sample.keys() & baseline.keys())
    if not common:
        return _list_means(sample), _list_means(baseline), False
    return (
        _list_means({search: sample[search] for search in common}),
        _list_means({search: baseline[search] for search in common}),
        True,
    )


def _list_means(sample: Sample) -> Array:
    return seed_means([np.atleast_1d(values) for values in sample.values()])


def _find_detectable(sample: Sample, baseline: Sample, tests: int) -> float:
    one, other, paired = _align(sample, baseline)
    if paired:
        return power.find_smallest_paired_shift(one - other, tests)
    return power.find_smallest_shift(one, other, tests)
