"""Are the intervals and tests what they promise, on the real accuracies of random cells?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from analysis.calibration import basis, coverage, figure, markdown, stopping, testing
from analysis.common.intervals import SKEWED
from analysis.common.outputs import Outputs
from bench.records.population import LEVELS, Population

SIMULATED_VALUES = 2_000_000
"""Values that are drawn for each multiplier."""


def make(populations: Sequence[Population], seed: int, region: float) -> Outputs:
    """calibration.md, .csv (coverage), _tests.csv, _sequential.csv and calibration.png.

    seed: of the simulations; region: of practical equivalence, in points.
    """
    accuracies = {
        f"{population.dataset}, {name}": _expand(population, without_none)
        for population in populations
        for name, without_none in (("without none", True), ("all cells", False))
    }
    covered = coverage.tabulate(accuracies, seed)
    tested = testing.tabulate(accuracies, seed, region)
    stopped = stopping.tabulate(accuracies, seed, region)
    multipliers = {seeds: basis.calibrate(seeds, SIMULATED_VALUES // seeds) for seeds in SKEWED}
    sources = [
        f"{one.dataset} ({one.split} accuracy after {one.epochs} epochs, {one.provider})"
        for one in populations
    ]
    return {
        "calibration.md": markdown.format_page(
            covered, tested, stopped, multipliers, sources, region
        ),
        "calibration.csv": covered,
        "calibration_tests.csv": tested,
        "calibration_sequential.csv": stopped,
        "calibration.png": figure.draw(covered),
    }


def _expand(population: Population, without_none: bool) -> np.ndarray:
    """The accuracy of each cell, percent: [cells]."""
    counts = population.count(without_none)
    return np.repeat(np.array(list(counts)) * (100 / LEVELS), list(counts.values()))
