"""Means over search seeds and their intervals, of accuracies and of other measures.

Where a search seed's architecture was evaluated with several evaluation seeds, those are nested in
it: their mean is the search seed's one value. Search seeds alone are independent, so they alone are
counted and resampled, whole clusters at a time (Davison and Hinkley 1997, section 3.8: the outer
level with replacement, the inner one kept, has the right variance).

Accuracies have a long tail below: most architectures are good and a few fail. Where no failure was
drawn, the mean is too high and its standard error too small, so that Student's t interval of 5
random cells of NAS-Bench-201 covers 69 to 91 % instead of 95 % (results/calibration). Their
interval reaches further down than up (`summarise_accuracies`).
"""

from __future__ import annotations

import hashlib
import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import special

LEVEL = 0.95
FEWEST_SEEDS = 5
"""Below this "too few seeds" is said: whether there is a tail is not known, and no verdict on a
difference is given."""
FEWEST_VALUES = 3
"""Below this no interval is given: two values say next to nothing about their spread."""
SKEWED = {
    3: 21.6, 4: 13.4, 5: 10.2, 6: 8.4, 7: 7.5, 8: 7.3, 9: 7.2, 10: 7.0, 12: 6.5, 15: 5.0, 20: 5.0,
    30: 3.7, 50: 3.4, 100: 2.5,
}  # fmt: skip
"""Seeds -> how many standard errors the interval of a mean accuracy reaches down.

With them, and Student's t above the mean, the interval covers at least 95 % in each of the
populations of `analysis.calibration.basis`: a mirrored log-normal, a mirrored Weibull, the normal
distribution, and runs of which one in 20, 10 or 5 fails. They were chosen without any table of
accuracies; `analysis.calibration.basis.calibrate` computes them. A number of seeds that is not
here has the multiplier of the next lower one.
"""
RESAMPLES = 10_000
FEWEST_RESAMPLED = 6
"""From this many seeds on the interval of a measure is a bootstrap; below, resamples are too few
and too often all alike (percentile intervals of 3 seeds cover 75 %), and it is Student's t."""
_DEGENERATE = 0.01
"""Share of resamples without spread from which on a bootstrap says nothing about the tails."""
ACCURACY_SENTENCE = (
    f"The {100 * LEVEL:.0f} % interval of a mean accuracy allows for rare failures that no seed"
    f" drew: it reaches further down than up; with fewer than {FEWEST_SEEDS} seeds it is given but"
    f" the seeds are too few, and with fewer than {FEWEST_VALUES} none is given."
)
"""What tables and figures say of the intervals of mean accuracies."""
MEASURE_SENTENCE = (
    f"The {100 * LEVEL:.0f} % interval of a mean over search seeds is a studentised bootstrap"
    f" ({RESAMPLES:,} resamples); with fewer than {FEWEST_RESAMPLED} seeds it is Student's t"
    f" interval, and with fewer than {FEWEST_VALUES} none is given."
)
"""What tables and figures say of the intervals of other measures' means."""

Array = NDArray[np.float64]
Values = Sequence[float] | Sequence[Sequence[float]] | Sequence[Array] | Array
"""One number a search seed, or one list of evaluations a search seed."""
Bounds = tuple[float, float]
UNBOUNDED: Bounds = (-math.inf, math.inf)
PERCENT: Bounds = (0.0, 100.0)


@dataclass(frozen=True)
class Summary:
    """A mean over seeds; `low` and `high` are None where there are too few seeds."""

    mean: float
    low: float | None
    high: float | None
    seeds: int

    @property
    def bounds(self) -> Bounds:
        """(low, high), NaN where there are too few seeds: the ends of a drawn band."""
        if self.low is None or self.high is None:
            return math.nan, math.nan
        return self.low, self.high


Summarise = Callable[[Array], Summary]
"""`summarise_accuracies` or `summarise`, which may have been given bounds."""


def seed_means(values: Values) -> Array:
    """The mean of each search seed's evaluations: [seeds]. Raises ValueError without values."""
    rows = [np.sort(np.atleast_1d(np.asarray(row, dtype=np.float64))) for row in values]
    if not rows or any(row.ndim != 1 or not len(row) for row in rows):
        raise ValueError("one value a seed is needed, or one list of values a seed")
    return np.array([row.mean() for row in rows])


def summarise_accuracies(values: Values, within: Bounds = PERCENT) -> Summary:
    """Mean over search seeds with the 95 % interval for values with a long tail below.

    The interval is [mean - c SE, mean + t SE]: c the multiplier of `SKEWED`, t the 97.5 % quantile
    of Student's distribution, SE the standard error. `within`: what values can be; the interval is
    cut there. The order of the values does not matter. Raises ValueError without values.
    """
    return _summarise(values, within, _accuracy_reach)


def summarise(values: Values, within: Bounds = UNBOUNDED) -> Summary:
    """Mean over search seeds and its 95 % interval, for measures of which no tail is known.

    From `FEWEST_RESAMPLED` seeds on the interval is the studentised bootstrap over search seeds
    (Efron and Tibshirani 1993, section 12.5; `RESAMPLES` resamples), below it Student's t, which is
    what that bootstrap becomes for normal values. `within` and errors: as `summarise_accuracies`.
    """
    return _summarise(values, within, _measure_reach)


def interquartile_mean(values: Values) -> float:
    """The mean without the lowest and the highest quarter of the seeds (Agarwal et al. 2021).

    floor(n / 4) seeds are left out at each end. Raises ValueError without values.
    """
    data = np.sort(seed_means(values))
    cut = len(data) // 4
    return float(data[cut : len(data) - cut].mean())


def _summarise(values: Values, within: Bounds, reach: Callable[[Array], Bounds]) -> Summary:
    data = np.sort(seed_means(values))
    mean = float(data.mean())
    if len(data) < FEWEST_VALUES:
        return Summary(mean, None, None, len(data))
    error = float(data.std(ddof=1)) / math.sqrt(len(data))
    down, up = reach(data)
    return Summary(
        mean, max(mean - down * error, within[0]), min(mean + up * error, within[1]), len(data)
    )


def students_t(seeds: int) -> float:
    """The 97.5 % quantile of Student's distribution of a mean of so many seeds."""
    return float(special.stdtrit(seeds - 1, (1 + LEVEL) / 2))


def _accuracy_reach(data: Array) -> Bounds:
    """How many standard errors the interval of a mean accuracy reaches down and up."""
    known = sorted(SKEWED)
    return SKEWED[known[bisect_right(known, len(data)) - 1]], students_t(len(data))


def _measure_reach(data: Array) -> Bounds:
    """The same of a measure: quantiles of (resample's mean - mean) / its standard error."""
    mean = data.mean()
    if len(data) >= FEWEST_RESAMPLED:
        drawn = data[_drawn_seeds(len(data))]
        errors = drawn.std(axis=1, ddof=1) / math.sqrt(len(data))
        spread = errors > 1e-12 * max(1.0, float(np.abs(data).max()))
        if spread.mean() > 1 - _DEGENERATE:
            ratios = (drawn.mean(axis=1)[spread] - mean) / errors[spread]
            low, high = np.quantile(ratios, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
            return float(high), -float(low)
    return students_t(len(data)), students_t(len(data))


@lru_cache(maxsize=64)
def _drawn_seeds(seeds: int) -> NDArray[np.int64]:
    """Which seeds each resample draws: [resamples, seeds]; the same for every call."""
    digest = hashlib.sha256(f"analysis\x1fbootstrap\x1f{seeds}".encode()).digest()
    generator = np.random.default_rng(int.from_bytes(digest[:8], "big"))
    return generator.integers(seeds, size=(RESAMPLES, seeds))
