"""How likely random cells are as good, where the accuracies of all cells are known."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import numpy as np
from scipy import fft

from analysis.common.intervals import Array
from bench.records.population import LEVELS


def measure_chance(population: Mapping[int, int], accuracies: Array) -> float:
    """P(the mean of as many random cells is at least the mean of `accuracies`).

    population: accuracy in hundredths of a percent -> number of cells that have it; cells are drawn
    uniformly, with replacement. accuracies: percent, [seeds]. The distribution of the sum is the
    population's, convolved with itself as often as there are seeds, so the probability is exact
    but for the rounding of accuracies to hundredths of a percent.
    """
    levels = np.round(accuracies * (LEVELS / 100)).astype(int)
    return _measure(tuple(population.items()), tuple(levels.tolist()))


@lru_cache(maxsize=256)  # a table and the notes below it ask the same
def _measure(population: tuple[tuple[int, int], ...], levels: tuple[int, ...]) -> float:
    """levels: the accuracies in hundredths of a percent."""
    seeds, known = len(levels), [level for level, _ in population]
    lowest, highest = min(known), max(known)
    share = np.zeros(highest - lowest + 1)
    for level, count in population:
        share[level - lowest] = count
    share /= share.sum()
    length = seeds * (highest - lowest) + 1
    size = fft.next_fast_len(length, real=True)
    sums = fft.irfft(fft.rfft(share, size) ** seeds, size)[:length]
    reached = sum(levels) - seeds * lowest
    return float(np.clip(sums[max(0, reached) :].sum(), 0.0, 1.0))
