"""Adding seeds until a verdict: how often it is wrong, and how many seeds it takes.

Three ways to compare two methods: by a fixed number of seeds at 5 %; naively, looking at 5 % each
time; and as `bench run --until-decided` does (`analysis.common.sequential`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from analysis.calibration.coverage import Accuracies
from analysis.common.intervals import FEWEST_SEEDS, LEVEL, Array
from analysis.common.rank_statistics import critical_rank_sum
from analysis.common.sequential import find_level, plan_looks

SIMULATIONS = 20_000
MOST_SEEDS = 20
LOOKS = plan_looks(FEWEST_SEEDS, MOST_SEEDS, pairs=1)
SHIFTS = (0.0, 0.5, 1.0, 2.0, 4.0)
"""Points by which all accuracies of one method are raised."""
FAMILY = 3
"""Methods that are compared with one baseline, where the error of a family is simulated."""
BEST_OF = 10
"""Of so many random cells the best one is a further, narrower population."""
VERDICTS = ("undecided", "better", "worse", "equivalent")
COLUMNS = (
    "population", "shift_points", "simulations", "naive_wrong_share",
    "wrong_share", "wrong_low_share", "wrong_high_share", "family_wrong_share",
    *(f"{verdict}_share" for verdict in VERDICTS), "mean_seeds", "fixed_seeds",
)  # fmt: skip

Draw = Callable[[np.random.Generator, tuple[int, int]], Array]
Verdicts = NDArray[np.int8]
"""Of each simulation, as places in `VERDICTS`."""


class Bounds(NamedTuple):
    """Of each simulation: the interval of the shift, the inner one, the difference of the means."""

    low: Array
    high: Array
    inner_low: Array
    inner_high: Array
    mean: Array


def tabulate(populations: Accuracies, seed: int, region: float) -> pd.DataFrame:
    """One row per (population, shift); the columns are `COLUMNS`.

    wrong: better or worse where there is no shift, worse where there is one, with the exact 95 %
    interval of the simulation (Clopper and Pearson 1934); family: one or more of `FAMILY` methods
    wrong, without any shift. mean_seeds: of each method, when it stops. fixed_seeds: the fixed
    number with which the test at 5 % finds "better" as often, interpolated; empty without a shift
    and where `MOST_SEEDS` find it less often.
    """
    rows = []
    for number, (name, draw) in enumerate(_list_draws(populations)):
        generator = np.random.default_rng([seed, number, 2])
        one, other = (draw(generator, (SIMULATIONS, MOST_SEEDS)) for _ in range(2))
        levels = {"naive": LEVEL, "sequential": find_level(LOOKS)}
        looks = {
            kind: {seeds: bound(one[:, :seeds], other[:, :seeds], level) for seeds in LOOKS}
            for kind, level in levels.items()
        }
        fixed = {
            seeds: bound(one[: SIMULATIONS // 4, :seeds], other[: SIMULATIONS // 4, :seeds], LEVEL)
            for seeds in range(FEWEST_SEEDS, MOST_SEEDS + 1)
        }
        family = _simulate_family(draw, generator)
        for shift in SHIFTS:
            naive, _ = stop(looks["naive"], shift, region)
            verdicts, seeds_used = stop(looks["sequential"], shift, region)
            wrong = int(_is_wrong(verdicts, shift).sum())
            low, high = _bound_count(wrong, len(verdicts))
            shares = {v: float((verdicts == place).mean()) for place, v in enumerate(VERDICTS)}
            power = {seeds: _find_better(own, shift, region) for seeds, own in fixed.items()}
            rows.append(
                {
                    "population": name,
                    "shift_points": shift,
                    "simulations": len(verdicts),
                    "naive_wrong_share": float(_is_wrong(naive, shift).mean()),
                    "wrong_share": wrong / len(verdicts),
                    "wrong_low_share": low,
                    "wrong_high_share": high,
                    "family_wrong_share": None if shift else family,
                    **{f"{verdict}_share": share for verdict, share in shares.items()},
                    "mean_seeds": float(seeds_used.mean()),
                    "fixed_seeds": _interpolate(power, shares["better"]) if shift else None,
                }
            )
    return pd.DataFrame(rows, columns=list(COLUMNS))


def bound(one: Array, other: Array, level: float) -> Bounds:
    """The intervals of the shift of `one` from `other`: [simulations, seeds] each.

    They are those of `comparisons.compare`; a test that rejects where 0 is outside them is the
    exact one but for ties, which it rejects less often.
    """
    seeds = one.shape[1]
    gaps = (one[:, :, None] - other[:, None, :]).reshape(len(one), -1)
    outer, inner = (critical_rank_sum(seeds, seeds, each) for each in (level, 2 * level - 1))
    places = [place for k in (outer, inner) if k for place in (k - 1, gaps.shape[1] - k)]
    ordered = np.partition(gaps, sorted(set(places)), axis=1) if places else gaps
    return Bounds(
        *_take_ends(ordered, outer),
        *_take_ends(ordered, inner),
        mean=one.mean(axis=1) - other.mean(axis=1),
    )


def _take_ends(ordered: Array, critical: int | None) -> tuple[Array, Array]:
    """`rank_statistics.bound` of each row."""
    if critical is None:
        never = np.full(len(ordered), math.inf)
        return -never, never
    return ordered[:, critical - 1].copy(), ordered[:, -critical].copy()


def stop(
    looks: Mapping[int, Bounds], shift: float, region: float
) -> tuple[Verdicts, NDArray[np.int64]]:
    """The verdict of each simulation, and the seeds of the look at which it stopped.

    looks: seeds -> bounds; shift: added to the first method's values.
    """
    size = len(next(iter(looks.values())).mean)
    verdicts, used = np.zeros(size, np.int8), np.zeros(size, np.int64)
    for seeds, bounds in looks.items():
        is_open = verdicts == 0
        used[is_open] = seeds
        verdicts[is_open] = conclude(bounds, shift, region)[is_open]
    return verdicts, used


def conclude(bounds: Bounds, shift: float, region: float) -> Verdicts:
    """`comparisons.conclude` of many simulations at once."""
    low, high, inner_low, inner_high, mean = (values + shift for values in bounds)
    verdicts = np.zeros(len(mean), np.int8)
    verdicts[(low > 0) & (mean > 0)] = VERDICTS.index("better")
    verdicts[(high < 0) & (mean < 0)] = VERDICTS.index("worse")
    within = [np.abs(values) <= region for values in (inner_low, inner_high, mean)]
    verdicts[np.all(within, axis=0)] = VERDICTS.index("equivalent")
    return verdicts


def _list_draws(populations: Accuracies) -> Iterator[tuple[str, Draw]]:
    for name, accuracies in populations.items():

        def draw(
            generator: np.random.Generator, shape: tuple[int, int], own: Array = accuracies
        ) -> Array:
            return generator.choice(own, size=shape)

        def draw_best(
            generator: np.random.Generator, shape: tuple[int, int], own: Array = accuracies
        ) -> Array:
            # the largest of n uniform numbers is one uniform number to the power 1 / n
            places = generator.random(shape) ** (1 / BEST_OF) * len(own)
            return np.sort(own)[places.astype(int)]

        yield name, draw
        yield f"{name}, best of {BEST_OF}", draw_best


def _simulate_family(draw: Draw, generator: np.random.Generator) -> float:
    """How often one or more of some methods is called better or worse than an equal baseline.

    Holm's first rejection is at the error over the number of pairs, which is all that counts where
    every rejection is wrong.
    """
    level = 1 - (1 - find_level(LOOKS)) / FAMILY
    shape = (SIMULATIONS // 4, MOST_SEEDS)
    baseline, wrong = draw(generator, shape), np.zeros(shape[0], bool)
    for _ in range(FAMILY):
        method = draw(generator, shape)
        looks = {n: bound(method[:, :n], baseline[:, :n], level) for n in LOOKS}
        wrong |= _is_wrong(stop(looks, 0.0, -1.0)[0], 0.0)
    return float(wrong.mean())


def _is_wrong(verdicts: Verdicts, shift: float) -> NDArray[np.bool_]:
    is_worse = verdicts == VERDICTS.index("worse")
    return is_worse if shift else is_worse | (verdicts == VERDICTS.index("better"))


def _find_better(bounds: Bounds, shift: float, region: float) -> float:
    return float((conclude(bounds, shift, region) == VERDICTS.index("better")).mean())


def _interpolate(power: Mapping[int, float], wanted: float) -> float | None:
    """The number of seeds at which a power is first reached, between whole numbers."""
    fewest = next(iter(power))
    if power[fewest] >= wanted:
        return float(fewest)
    for (before, less), (after, more) in pairwise(power.items()):
        if more >= wanted:
            return before + (after - before) * (wanted - less) / (more - less)
    return None


def _bound_count(count: int, size: int) -> Sequence[float]:
    tail = (1 - LEVEL) / 2
    low = float(special.betaincinv(count, size - count + 1, tail)) if count else 0.0
    high = float(special.betaincinv(count + 1, size - count, 1 - tail)) if count < size else 1.0
    return low, high
