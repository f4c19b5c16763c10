"""How often the 95 % interval of a mean has the true mean in it, on real accuracies."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from analysis.common.intervals import (
    PERCENT,
    Array,
    Summary,
    students_t,
    summarise,
    summarise_accuracies,
)

SEEDS = (3, 5, 10, 20)
SIMULATIONS = 4000
"""Of each number of seeds."""
BOOTSTRAPPED = 200
"""Simulations of the bootstrap, which takes thousands of times longer than the others."""
INTERVALS = {"t": "Student's t", "bootstrap": "studentised bootstrap", "new": "new"}
COLUMNS = (
    "population", "cells", "mean_percent", "skew", "seeds",
    *(f"{name}_coverage" for name in INTERVALS), *(f"{name}_width_points" for name in INTERVALS),
)  # fmt: skip

Accuracies = Mapping[str, Array]
"""Name of a population -> the accuracy of each of its cells, percent."""


def tabulate(populations: Accuracies, seed: int) -> pd.DataFrame:
    """One row per (population, number of seeds); the columns are `COLUMNS`.

    Coverages are fractions of simulated sets of random cells, widths medians. "t" and "bootstrap"
    are Student's interval and the studentised bootstrap (below 6 seeds Student's), with which the
    leaderboards were made before; "new" is `intervals.summarise_accuracies`.
    """
    rows = []
    for number, (name, accuracies) in enumerate(populations.items()):
        mean, deviation = float(accuracies.mean()), float(accuracies.std())
        place = {
            "population": name,
            "cells": len(accuracies),
            "mean_percent": mean,
            "skew": float((((accuracies - mean) / deviation) ** 3).mean()),
        }
        for seeds in SEEDS:
            generator = np.random.default_rng([seed, number, seeds])
            drawn = generator.choice(accuracies, size=(SIMULATIONS, seeds))
            summaries = {
                "t": [_summarise_by_t(values) for values in drawn],
                "bootstrap": [summarise(values, PERCENT) for values in drawn[:BOOTSTRAPPED]],
                "new": [summarise_accuracies(values) for values in drawn],
            }
            row = place | {"seeds": seeds}
            for kind, made in summaries.items():
                row |= _measure(kind, made, mean)
            rows.append(row)
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _summarise_by_t(values: Array) -> Summary:
    mean = float(values.mean())
    reach = students_t(len(values)) * float(values.std(ddof=1)) / math.sqrt(len(values))
    low, high = max(mean - reach, PERCENT[0]), min(mean + reach, PERCENT[1])
    return Summary(mean, low, high, len(values))


def _measure(kind: str, summaries: Sequence[Summary], mean: float) -> dict[str, float]:
    bounds = np.array([summary.bounds for summary in summaries])
    covered = (bounds[:, 0] <= mean) & (mean <= bounds[:, 1])
    return {
        f"{kind}_coverage": float(covered.mean()),
        f"{kind}_width_points": float(np.median(bounds[:, 1] - bounds[:, 0])),
    }
