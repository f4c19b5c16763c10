"""Means over seeds and what their spread allows to say."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

LEVEL = 0.95
RESAMPLES = 10_000
FEWEST_SEEDS = 3
"""Below this an interval is not stated: two values say next to nothing about their spread."""

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Summary:
    """A mean over seeds; `low` and `high` are None where there are too few seeds."""

    mean: float
    low: float | None
    high: float | None
    seeds: int

    def apart_from(self, other: Summary) -> bool:
        """Whether both have an interval and these do not overlap (nor touch)."""
        if self.low is None or self.high is None or other.low is None or other.high is None:
            return False
        return self.low > other.high or self.high < other.low


def summarise(values: Sequence[float] | Array) -> Summary:
    """Mean and 95 % percentile bootstrap interval over seeds (Efron and Tibshirani 1993, ch. 13).

    `values`: [seeds], in the values' unit. The order of the values does not matter. With three
    seeds the interval is exactly the range of the three. Raises ValueError without values.
    """
    data = np.sort(np.asarray(values, dtype=np.float64))
    if data.ndim != 1 or len(data) == 0:
        raise ValueError(f"one value a seed is needed, got shape {data.shape}")
    if len(data) < FEWEST_SEEDS:
        return Summary(float(data.mean()), None, None, len(data))
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(resampled_means(data), [tail, 1 - tail])
    return Summary(float(data.mean()), float(low), float(high), len(data))


def interval(values: Sequence[float] | Array) -> tuple[float, float]:
    """(low, high) of `summarise`, NaN where there are too few seeds: what seaborn's bands take."""
    found = summarise(values)
    if found.low is None or found.high is None:
        return float("nan"), float("nan")
    return found.low, found.high


def resampled_means(values: Array) -> Array:
    """Means of bootstrap resamples of the outer level, the search seeds: [seeds] -> [resamples].

    With evaluation seeds nested in search seeds, a second draw inside each drawn search seed
    belongs here; everything else only uses the means.
    """
    means: Array = values[_drawn_seeds(len(values))].mean(axis=1)
    return means


@lru_cache(maxsize=64)
def _drawn_seeds(seeds: int) -> NDArray[np.int64]:
    """Which seeds each resample draws: [resamples, seeds]; the same for every call."""
    digest = hashlib.sha256(f"analysis\x1fbootstrap\x1f{seeds}".encode()).digest()
    generator = np.random.default_rng(int.from_bytes(digest[:8], "big"))
    return generator.integers(seeds, size=(RESAMPLES, seeds))
