"""Ranks by mean, and which places the tests leave to each method."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from analysis.common.comparisons import SAME, Sample, Verdict, list_means
from analysis.common.sequential import FIXED, Schedule, judge_pairs


@dataclass(frozen=True)
class Rank:
    """A place by mean, 1 the highest, equal means sharing it, and the interval of places.

    All intervals of one group hold together at 95 % (Mogstad, Romano, Shaikh and Wilhelm 2024):
    a method is above or below another where it is better or worse (`find_better_pairs`).
    """

    place: int
    low: int
    high: int


def find_better_pairs(
    group: Mapping[str, Sample], region: float, schedule: Schedule = FIXED
) -> set[tuple[str, str]]:
    """(better, worse) of every pair of a group of which that is the verdict.

    p-values are corrected by Holm over all pairs of the group.
    """
    pairs = {(a, b): (group[a], group[b]) for a, b in combinations(sorted(group), 2)}
    found = set()
    for (one, other), judgement in judge_pairs(pairs, region, schedule).items():
        if judgement.verdict in (Verdict.BETTER, Verdict.WORSE):
            found.add((one, other) if judgement.verdict is Verdict.BETTER else (other, one))
    return found


def rank_by_mean(
    group: Mapping[str, Sample], region: float, schedule: Schedule = FIXED
) -> dict[str, Rank]:
    """The rank of each label of a group by its mean over seeds, with its interval."""
    means = {label: float(np.sort(list_means(sample)).mean()) for label, sample in group.items()}
    found = find_better_pairs(group, region, schedule)
    return {
        label: Rank(
            place=1 + sum(other > mean + SAME for other in means.values()),
            low=1 + sum(worse == label for _, worse in found),
            high=len(group) - sum(better == label for better, _ in found),
        )
        for label, mean in means.items()
    }
