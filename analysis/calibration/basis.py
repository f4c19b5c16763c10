"""The populations on which the interval of a mean accuracy is calibrated, and the multipliers.

They are mirrored skewed distributions and mixtures with rare failures. Which ones was written down
without looking at any table of accuracies, so that the coverage on NAS-Bench-201 is a test of them
and not their fit.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from analysis.common.intervals import LEVEL, Array, students_t

FAILURE = 10.0
"""How many standard deviations below the others a failed run is."""


Population = tuple[Callable[[np.random.Generator, tuple[int, int]], Array], float]
"""A function that draws values, and their true mean."""


def _with_failures(share: float) -> Population:
    """Normal values of which this share failed."""

    def draw(generator: np.random.Generator, shape: tuple[int, int]) -> Array:
        return generator.normal(size=shape) - FAILURE * (generator.random(shape) < share)

    return draw, -FAILURE * share


POPULATIONS: dict[str, Population] = {
    "normal": (lambda generator, shape: generator.normal(size=shape), 0.0),
    "mirrored log-normal, sigma 1": (
        lambda generator, shape: -generator.lognormal(size=shape),
        -math.exp(0.5),
    ),
    "mirrored Weibull, shape 0.6": (
        lambda generator, shape: -generator.weibull(0.6, size=shape),
        -math.gamma(1 + 1 / 0.6),
    ),
    "1 in 20 fails": _with_failures(0.05),
    "1 in 10 fails": _with_failures(0.1),
    "1 in 5 fails": _with_failures(0.2),
}
"""Normal values have deviation 1; failed runs are `FAILURE` deviations below."""


def calibrate(seeds: int, simulations: int) -> dict[str, float]:
    """Population -> how many standard errors down cover 95 %, with Student's t above the mean.

    Simulated with the same numbers in every call.
    """
    generator = np.random.default_rng(seeds)
    needed = {}
    for name, (draw, mean) in POPULATIONS.items():
        values = draw(generator, (simulations, seeds))
        errors = values.std(axis=1, ddof=1) / math.sqrt(seeds)
        ratios = (values.mean(axis=1) - mean) / errors
        missed_above = float((ratios < -students_t(seeds)).mean())
        needed[name] = float(np.quantile(ratios, LEVEL + missed_above))
    return needed
