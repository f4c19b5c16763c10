"""Means over seeds, differences between methods, and what their spread allows to say.

Values are by search seed. Where a search seed's architecture was evaluated with several evaluation
seeds, those are nested in it: their mean is the search seed's one value. Search seeds alone are
independent, so they alone are counted and resampled, whole clusters at a time (Davison and Hinkley
1997, section 3.8: the outer level with replacement, the inner one kept, has the right variance).
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

LEVEL = 0.95
RESAMPLES = 10_000
FEWEST_SEEDS = 3
"""Below this no interval and no test: two values say next to nothing about their spread."""
FEWEST_RESAMPLED = 6
"""From this many seeds on a mean's interval is a bootstrap; below, resamples are too few and too
often all alike (percentile intervals of 3 seeds cover 75 %), and it is Student's t."""
FEWEST_POINTS = 5
"""Below this no rank correlation is stated."""
_DEGENERATE = 0.01
"""Share of resamples without spread from which on a bootstrap says nothing about the tails."""
_SAME = 1e-9
"""Means closer than this are one number that was summed in another order."""
INTERVAL_SENTENCE = (
    f"The {100 * LEVEL:.0f} % interval of a mean over search seeds is a studentised bootstrap"
    f" ({RESAMPLES:,} resamples); with fewer than {FEWEST_RESAMPLED} seeds it is Student's t"
    f" interval, and with fewer than {FEWEST_SEEDS} none is given."
)
"""What tables and figures say of their intervals."""

Array = NDArray[np.float64]
Values = Sequence[float] | Sequence[Sequence[float]] | Sequence[Array] | Array
"""One number a search seed, or one list of evaluations a search seed."""
BySeed = Mapping[int, float] | Mapping[int, Sequence[float]]


@dataclass(frozen=True)
class Summary:
    """A mean over seeds; `low` and `high` are None where there are too few seeds."""

    mean: float
    low: float | None
    high: float | None
    seeds: int


@dataclass(frozen=True)
class Difference:
    """A method minus another, over the seeds that both have; None where these are too few.

    `low`, `high` are the t interval, so that it excludes 0 exactly where `p_value` < 0.05.
    `effect_size` is Hedges' g of paired differences (mean over standard deviation, corrected for
    few seeds); None also where the differences do not vary. `better` is the share of seeds at
    which the method is the better one, a tie counting half (Bouthillier et al. 2021: P(A > B)).
    """

    seeds: int
    mean: float | None = None
    low: float | None = None
    high: float | None = None
    p_value: float | None = None
    effect_size: float | None = None
    better: float | None = None
    better_low: float | None = None
    better_high: float | None = None

    def to_columns(self) -> dict[str, float | None]:
        """What tables of accuracies in percent call these values."""
        return {
            "difference_points": self.mean,
            "difference_low_points": self.low,
            "difference_high_points": self.high,
            "effect_size": self.effect_size,
            "p_value": self.p_value,
        }


def seed_means(values: Values) -> Array:
    """The mean of each search seed's evaluations: [seeds]. Raises ValueError without values."""
    rows = [np.sort(np.atleast_1d(np.asarray(row, dtype=np.float64))) for row in values]
    if not rows or any(row.ndim != 1 or not len(row) for row in rows):
        raise ValueError("one value a seed is needed, or one list of values a seed")
    return np.array([row.mean() for row in rows])


def summarise(values: Values, within: tuple[float, float] = (-math.inf, math.inf)) -> Summary:
    """Mean over search seeds and its 95 % interval; the order of the values does not matter.

    From `FEWEST_RESAMPLED` seeds on the interval is the studentised bootstrap over search seeds
    (Efron and Tibshirani 1993, section 12.5; `RESAMPLES` resamples), below it Student's t, which is
    what that bootstrap becomes for normal values. `within`: what values can be; the interval is
    cut there. Raises ValueError without values.
    """
    data = np.sort(seed_means(values))
    mean = float(data.mean())
    if len(data) < FEWEST_SEEDS:
        return Summary(mean, None, None, len(data))
    error = float(data.std(ddof=1)) / math.sqrt(len(data))
    below, above = _quantiles(data, mean)
    low, high = mean - above * error, mean - below * error
    return Summary(mean, max(low, within[0]), min(high, within[1]), len(data))


def interval(
    values: Values, within: tuple[float, float] = (-math.inf, math.inf)
) -> tuple[float, float]:
    """(low, high) of `summarise`, NaN where there are too few seeds: the ends of a drawn band."""
    summary = summarise(values, within)
    if summary.low is None or summary.high is None:
        return float("nan"), float("nan")
    return summary.low, summary.high


def _quantiles(data: Array, mean: float) -> tuple[float, float]:
    """The 2.5 % and 97.5 % quantiles of (resample's mean - mean) / its standard error."""
    students = float(special.stdtrit(len(data) - 1, (1 + LEVEL) / 2))
    if len(data) >= FEWEST_RESAMPLED:
        drawn = data[_drawn_seeds(len(data))]
        errors = drawn.std(axis=1, ddof=1) / math.sqrt(len(data))
        spread = errors > 1e-12 * max(1.0, float(np.abs(data).max()))
        if spread.mean() > 1 - _DEGENERATE:
            ratios = (drawn.mean(axis=1)[spread] - mean) / errors[spread]
            low, high = np.quantile(ratios, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
            return float(low), float(high)
    return -students, students


def compare_by_seed(values: BySeed, baseline: BySeed) -> Difference:
    """`values` minus `baseline`, paired by search seed; seeds that only one has are left out.

    The test is the two-sided paired t test of the seeds' means: with n seeds its least p-value is
    not bounded by n, as those of signed ranks and of permutations are (0.25 at 3 seeds).
    """
    seeds = sorted(values.keys() & baseline.keys())
    count = len(seeds)
    if not seeds:
        return Difference(count)
    one = seed_means([np.atleast_1d(values[seed]) for seed in seeds])
    other = seed_means([np.atleast_1d(baseline[seed]) for seed in seeds])
    gaps = np.round(one - other, 12)
    mean = float(gaps.mean())
    if count < FEWEST_SEEDS:
        return Difference(count, mean)
    error = float(gaps.std(ddof=1)) / math.sqrt(count)
    reach = float(special.stdtrit(count - 1, (1 + LEVEL) / 2)) * error
    wins = float((gaps > 0).sum() + 0.5 * (gaps == 0).sum())
    better_low, better_high = _clopper_pearson(wins, count)
    return Difference(
        seeds=count,
        mean=mean,
        low=mean - reach,
        high=mean + reach,
        p_value=_two_sided(mean, error, count - 1),
        effect_size=_hedges(mean, error * math.sqrt(count), count - 1),
        better=wins / count,
        better_low=better_low,
        better_high=better_high,
    )


def correct_by_holm(p_values: Sequence[float | None]) -> list[float | None]:
    """P-values corrected for being several (Holm 1979); None is no test and is not counted."""
    order = sorted((p, place) for place, p in enumerate(p_values) if p is not None)
    corrected: list[float | None] = [None] * len(p_values)
    largest = 0.0
    for done, (p, place) in enumerate(order):
        largest = max(largest, min(1.0, (len(order) - done) * p))
        corrected[place] = largest
    return corrected


@dataclass(frozen=True)
class Rank:
    """A place by mean, 1 the highest, equal means sharing it; the interval is None without tests.

    All intervals of one group hold together at 95 % (Mogstad, Romano, Shaikh and Wilhelm 2024):
    a method is above or below another where the two differ significantly
    (`find_significant_pairs`). Methods that do not have each other's places.
    """

    place: int
    low: int | None
    high: int | None


def find_significant_pairs(group: Mapping[str, BySeed]) -> tuple[set[tuple[str, str]], int]:
    """(better, worse) of every pair that differs significantly, and how many pairs were tested.

    The test is that of `compare_by_seed`, corrected by Holm over all pairs of the group, at 5 %.
    """
    pairs = list(combinations(sorted(group), 2))
    differences = [compare_by_seed(group[one], group[other]) for one, other in pairs]
    corrected = correct_by_holm([difference.p_value for difference in differences])
    significant = set()
    for (one, other), difference, p in zip(pairs, differences, corrected, strict=True):
        if p is not None and difference.mean is not None and p < 1 - LEVEL:
            significant.add((one, other) if difference.mean > 0 else (other, one))
    return significant, sum(p is not None for p in corrected)


def rank_by_mean(group: Mapping[str, BySeed]) -> dict[str, Rank]:
    """The rank of each label of a group by its mean over seeds, with its interval."""
    means = {
        label: float(np.sort(seed_means([np.atleast_1d(row) for row in values.values()])).mean())
        for label, values in group.items()
    }
    significant, _ = find_significant_pairs(group)
    ranks = {}
    for label, mean in means.items():
        place = 1 + sum(other > mean + _SAME for other in means.values())
        tested = any(
            len(group[label].keys() & values.keys()) >= FEWEST_SEEDS
            for other, values in group.items()
            if other != label
        )
        if not tested:
            ranks[label] = Rank(place, None, None)
            continue
        above = sum(worse == label for _, worse in significant)
        below = sum(better == label for better, _ in significant)
        ranks[label] = Rank(place, 1 + above, len(group) - below)
    return ranks


def spearman(one: pd.Series[Any], other: pd.Series[Any]) -> float | None:
    """Rank correlation; None below `FEWEST_POINTS` points and where one of them does not vary."""
    if len(one) < FEWEST_POINTS or one.nunique() < 2 or other.nunique() < 2:
        return None
    ranks = pd.DataFrame({"one": one.astype(float), "other": other.astype(float)}).rank()
    return round(float(ranks.corr().to_numpy()[0, 1]), 12) + 0.0  # no -0.0 from rounding errors


def _two_sided(mean: float, error: float, freedom: int) -> float:
    if error == 0:
        return 1.0 if mean == 0 else 0.0
    return 2 * float(special.stdtr(freedom, -abs(mean) / error))


def _hedges(mean: float, deviation: float, freedom: int) -> float | None:
    """Mean over standard deviation, without the bias of few values (Hedges 1981)."""
    if deviation == 0:
        return 0.0 if mean == 0 else None
    shrink = math.exp(math.lgamma(freedom / 2) - math.lgamma((freedom - 1) / 2))
    return mean / deviation * shrink / math.sqrt(freedom / 2)


def _clopper_pearson(wins: float, count: int) -> tuple[float, float]:
    """The exact 95 % interval of a share; ties may make `wins` a half."""
    tail = (1 - LEVEL) / 2
    low = float(special.betaincinv(wins, count - wins + 1, tail)) if wins > 0 else 0.0
    high = float(special.betaincinv(wins + 1, count - wins, 1 - tail)) if wins < count else 1.0
    return low, high


@lru_cache(maxsize=64)
def _drawn_seeds(seeds: int) -> NDArray[np.int64]:
    """Which seeds each resample draws: [resamples, seeds]; the same for every call."""
    digest = hashlib.sha256(f"analysis\x1fbootstrap\x1f{seeds}".encode()).digest()
    generator = np.random.default_rng(int.from_bytes(digest[:8], "big"))
    return generator.integers(seeds, size=(RESAMPLES, seeds))
