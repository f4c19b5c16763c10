"""The rule that compares how much the cells of different seeds differ."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
from scipy import special

from analysis.claims.comparing import conclude_as_said, name_both
from analysis.claims.evidence import Evidence, Records
from analysis.claims.outcome import Outcome, Scale, undecided
from analysis.common.comparisons import Comparison, Judgement, Verdict
from analysis.common.intervals import Array
from analysis.common.operations import count_inputs, list_choices, measure_distance
from analysis.common.power import POWER
from bench.claims import model

_EDGES = Scale("of the edges")


def diversity(rule: model.Diversity, evidence: Evidence) -> Outcome:
    """Do the method's cells differ between seeds as much as another's?

    A mean distance over pairs of seeds is a U-statistic. Its variance is that of the jackknife's
    pseudo-values, and their mean has Student's t (Arvesen 1969, Annals of Mathematical Statistics
    40:2076); the two methods' have unequal variances (Welch 1947). Ranks of pseudo-values would
    not do: all of them have the whole sample's mean distance in common.
    """
    few = [label for part, label in evidence.labels.items() if len(evidence.records[part]) < 3]
    if few:
        return undecided(f"{' and '.join(few)}: fewer than 3 seeds", "more seeds (at least 5)")
    one, other = (measure_distances(evidence.records[part]) for part in ("method", "against"))
    judgement = compare_means(one, other, evidence.level)
    what = f"distance between the cells of two seeds, {name_both(evidence, 'minus')}"
    return conclude_as_said("not worse", judgement, rule.region, what, _EDGES)


def measure_distances(records: Records) -> Array:
    """Each seed's pseudo-value of the mean distance between the cells of two seeds: [seeds]."""
    choices = [list_choices(record.architecture, count_inputs(record)) for record in records]
    distances = np.zeros((len(choices), len(choices)))
    for one, other in combinations(range(len(choices)), 2):
        distances[one, other] = measure_distance(choices[one], choices[other])
    return jackknife(distances + distances.T)


def jackknife(distances: Array) -> Array:
    """The pseudo-values of the mean distance of two: [n, n], symmetrical, to [n]."""
    count, totals = len(distances), distances.sum(1)
    pairs, whole = count * (count - 1) / 2, totals.sum() / 2
    without = (whole - totals) / (pairs - count + 1)
    return np.asarray(count * whole / pairs - (count - 1) * without)


def compare_means(one: Array, other: Array, level: float) -> Judgement:
    """The difference of two means and its intervals by Welch's t, at `level` and 2 level - 1.

    Two samples without variance differ by what they differ by. detectable: by the t test, with the
    variances that were found.
    """
    parts = np.array([one.var(ddof=1) / len(one), other.var(ddof=1) / len(other)])
    error, mean = math.sqrt(parts.sum()), float(one.mean() - other.mean())
    shares = parts / parts.sum() if error else np.array([1.0, 0.0])
    freedom = 1 / float((shares**2 / [len(one) - 1, len(other) - 1]).sum())
    reach, inner, power = (
        error * float(special.stdtrit(freedom, quantile))
        for quantile in ((1 + level) / 2, level, POWER)
    )
    p_value = 2 * float(special.stdtr(freedom, -abs(mean) / error)) if error else float(mean == 0)
    nan = math.nan
    comparison = Comparison(
        paired=False, seeds=(len(one), len(other)), mean=mean, shift=mean,
        low=mean - reach, high=mean + reach, inner_low=mean - inner, inner_high=mean + inner,
        better=nan, better_low=nan, better_high=nan, p_value=p_value, level=level,
    )  # fmt: skip
    return Judgement(comparison, p_value, Verdict.UNDECIDED, reach + power)
