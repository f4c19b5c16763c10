"""False alarms, power and verdicts of the tests of a difference, on real accuracies."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pandas as pd

from analysis.calibration.coverage import SEEDS, Accuracies
from analysis.common import rank_statistics
from analysis.common.comparisons import Sample, Verdict, judge
from analysis.common.intervals import LEVEL, Array, students_t
from analysis.common.power import POWER

SIMULATIONS = 2000
JUDGED = 300
"""Simulated pairs of methods that draw from the same cells, on which verdicts are given."""
SHIFTS = (1.0, 2.6, 5.0)
"""Points by which all accuracies of one method are raised."""
TESTS = {"t": "paired t test", "new": "exact rank-sum test"}
COLUMNS = (
    "population", "seeds",
    *(f"{name}_{what}" for name in TESTS for what in (
        "false_alarms", *(f"power_{shift:g}" for shift in SHIFTS), "detectable_points")),
    *(f"identical_{verdict}" for verdict in Verdict),
)  # fmt: skip


def tabulate(populations: Accuracies, seed: int, region: float) -> pd.DataFrame:
    """One row per (population, number of seeds); the columns are `COLUMNS`.

    Two methods draw random cells, of which the accuracies of one are raised by 0 points (false
    alarms) or more (power); shares of the simulations in which a test rejects at 5 %. detectable:
    the smallest shift with a power of 80 %, empty where so few seeds never reject. identical:
    the shares of the verdicts on two methods that draw from the same cells.
    """
    rows = []
    for number, (name, accuracies) in enumerate(populations.items()):
        for seeds in SEEDS:
            generator = np.random.default_rng([seed, number, seeds, 1])
            one, other = generator.choice(accuracies, size=(2, SIMULATIONS, seeds))
            row: dict[str, object] = {"population": name, "seeds": seeds}
            for kind, (least, most) in {
                "t": _bound_paired_t(one, other),
                "new": _bound_rank_sum(one, other),
            }.items():
                row |= _measure(kind, least, most)
            verdicts = Counter(
                judge({"": _by_search("one", a)}, _by_search("other", b), region)[""].verdict
                for a, b in zip(one[:JUDGED], other[:JUDGED], strict=True)
            )
            rows.append(row | {f"identical_{v}": verdicts[v] / JUDGED for v in Verdict})
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _measure(kind: str, least: Array, most: Array) -> dict[str, float | None]:
    """least, most: the shifts of `one` below and above which each simulation is significant."""
    needed = math.inf if np.isinf(most).any() else float(np.quantile(most, POWER))
    return {
        f"{kind}_false_alarms": float(((least > 0) | (most < 0)).mean()),
        **{f"{kind}_power_{shift:g}": float((most < shift).mean()) for shift in SHIFTS},
        f"{kind}_detectable_points": needed if math.isfinite(needed) else None,
    }


def _bound_paired_t(one: Array, other: Array) -> tuple[Array, Array]:
    gaps = other - one
    seeds = gaps.shape[1]
    reach = students_t(seeds) * gaps.std(axis=1, ddof=1) / math.sqrt(seeds)
    middle = gaps.mean(axis=1)
    return middle - reach, middle + reach


def _bound_rank_sum(one: Array, other: Array) -> tuple[Array, Array]:
    gaps = np.sort((other[:, None, :] - one[:, :, None]).reshape(len(one), -1), axis=1)
    critical = rank_statistics.critical_rank_sum(one.shape[1], other.shape[1], LEVEL)
    if critical is None:
        return np.full(len(one), -math.inf), np.full(len(one), math.inf)
    return gaps[:, critical - 1], gaps[:, -critical]


def _by_search(method: str, values: Array) -> Sample:
    return {f"{method}-{seed}": float(value) for seed, value in enumerate(values)}
