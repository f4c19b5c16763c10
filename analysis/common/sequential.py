"""Verdicts of a study whose seeds were added until they were reached (`bench run --until-decided`).

Group-sequential testing: the data are looked at when each method has n_1 < ... < n_K seeds, and the
error of 5 % is spent in equal shares, 5 % / K a look (alpha spending, Lan and DeMets 1983, with the
union bound over looks in place of the joint distribution of the tests, which exact tests with ties
do not have in closed form). At a look the tests are those of `comparisons`, with Holm's correction
over the whole family of pairs; a pair that is decided keeps its verdict and its p-value there.

Why a family's error over all looks is at most 5 %: let t of its pairs have no difference. When the
first of these is rejected, Holm's procedure has rejected true differences alone, so at least t
p-values are left and that of this pair is at most (5 % / K) / t. It is the p-value of a fixed
number of seeds, n_k of each method for some k: which seeds were added to other methods does not
change it, so it is as small with a probability of at most (5 % / K) / t, and summed over the t
pairs and the K looks that is 5 %. It holds whenever one stops and for whichever reason; so it does
for the intervals (repeated confidence intervals, Jennison and Turnbull 1989) and, pair by pair, for
the two one-sided tests of equivalence.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from analysis.common import comparisons
from analysis.common.comparisons import Judgement, Sample, T, Verdict
from analysis.common.intervals import LEVEL
from analysis.common.rank_statistics import critical_rank_sum, critical_signed_rank
from analysis.common.text import join_names
from bench.records.facts import StudyFacts
from bench.records.schema import FinishedRecord

GROWTH = 1.6
"""About how many times as many seeds each look has as the one before."""


def find_level(looks: Sequence[int]) -> float:
    """The level of intervals at each of some looks; without looks `LEVEL`, bit for bit."""
    return 1 - (1 - LEVEL) / len(looks) if looks else LEVEL


def plan_looks(fewest: int, most: int, pairs: int) -> tuple[int, ...]:
    """The numbers of seeds at which to look, in about equal ratios, from `fewest` to `most`.

    pairs: that are tested together; 0 for claims about a single method, whose seeds are compared
    with numbers or with themselves. First looks that could not reject, as no rank test of so few
    seeds has a p-value that is small enough, are left out: their share of the error goes to the
    others.
    """
    steps = max(1, round(math.log(most / fewest) / math.log(GROWTH))) if most > fewest else 0
    ratio = most / fewest
    looks = [round(fewest * ratio ** (step / max(1, steps))) for step in range(steps + 1)]
    while len(looks) > 1 and not _can_reject(looks[0], find_level(looks), pairs):
        del looks[0]
    return tuple(looks)


def _can_reject(seeds: int, level: float, pairs: int) -> bool:
    if pairs == 0:
        return critical_signed_rank(seeds, level) is not None
    return critical_rank_sum(seeds, seeds, 1 - (1 - level) / pairs) is not None


@dataclass(frozen=True)
class Schedule:
    """Looks (numbers of seeds, ascending; none: the seeds are fixed) and the order of the seeds.

    places: search id -> the place of its seed among the study's seeds, from 0 on.
    """

    looks: tuple[int, ...] = ()
    places: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def read(cls, records: Iterable[FinishedRecord], facts: StudyFacts) -> Schedule:
        """The schedule of a study's records."""
        order = {seed: place for place, seed in enumerate(facts.seeds)}
        places = {
            record.trial.search_id: order.get(record.trial.seed, len(order)) for record in records
        }
        return cls(facts.looks, places)

    @property
    def level(self) -> float:
        """One minus the error at each look."""
        return find_level(self.looks)

    def cut(self, sample: Sample, seeds: int) -> Sample | None:
        """The sample's first so many seeds; None where it lacks one of them."""
        kept = {search: own for search, own in sample.items() if self.places[search] < seeds}
        return kept if len(kept) == seeds else None

    def find_look(self, seeds: int) -> int:
        """The seeds of the last look that so many seeds reach; 0 before the first."""
        return max((look for look in self.looks if look <= seeds), default=0)


FIXED = Schedule()


def judge(
    samples: Mapping[T, Sample],
    baseline: Sample,
    region: float,
    schedule: Schedule = FIXED,
    absent: int = 0,
) -> dict[T, Judgement]:
    """Each sample against the baseline's, as `judge_pairs`."""
    pairs = {name: (sample, baseline) for name, sample in samples.items()}
    return judge_pairs(pairs, region, schedule, absent)


def judge_pairs(
    pairs: Mapping[T, tuple[Sample, Sample]],
    region: float,
    schedule: Schedule = FIXED,
    absent: int = 0,
) -> dict[T, Judgement]:
    """Each pair at the look at which it was decided, else at its last; from the seeds up to then.

    absent: pairs that belong to the family over which Holm corrects, but cannot be compared. A pair
    that has not all seeds of the first look is compared on those that it has, and undecided.
    """
    if not schedule.looks:
        return comparisons.judge_pairs(pairs, region)
    found: dict[T, Judgement] = {}
    for seeds in schedule.looks:
        undecided = {
            name: pair
            for name, pair in pairs.items()
            if name not in found or found[name].verdict is Verdict.UNDECIDED
        }
        ready = {
            name: (one, other)
            for name, pair in undecided.items()
            if (one := schedule.cut(pair[0], seeds)) and (other := schedule.cut(pair[1], seeds))
        }
        rest = [found[name].comparison.p_value for name in found if name not in ready]
        unknown = len(pairs) - len(found.keys() | ready) + absent
        others = [*rest, *[1.0] * unknown]
        found |= comparisons.judge_pairs(ready, region, schedule.level, others)
    early = {name: pair for name, pair in pairs.items() if name not in found}
    others = [1.0] * (len(found) + absent)
    for name, judgement in comparisons.judge_pairs(early, region, schedule.level, others).items():
        found[name] = replace(judgement, verdict=Verdict.UNDECIDED)
    return {name: found[name] for name in pairs}


def show_level(level: float) -> str:
    """A level in percent: 95, 98.75."""
    return f"{100 * level:.4g}"


def describe_looks(looks: Sequence[int]) -> str:
    """The looks and what is spent at each, in words."""
    error = 1 - LEVEL
    if len(looks) == 1:
        return f"one look at {looks[0]} seeds, at {100 * error:.3g} %"
    seeds = join_names([str(look) for look in looks])
    return f"looks at {seeds} seeds, each at {100 * error / len(looks):.3g} %"


def explain(facts: StudyFacts) -> str | None:
    """How a study was stopped, for the notes of its tables; None where its seeds were fixed."""
    if not facts.looks:
        return None
    level = show_level(find_level(facts.looks))
    return (
        f"Seeds were added until the verdict: {describe_looks(facts.looks)}, so that one method or"
        " more is wrongly called better or worse with a probability of at most 5 % however often"
        " one looks (alpha spending, Lan and DeMets 1983). A verdict is that of the look at which"
        " it was reached, from the seeds up to then; a later seed does not change it. Intervals of"
        f" shifts, at {level} %, are repeated confidence intervals, which hold whenever one stops"
        " (Jennison and Turnbull 1989); intervals of means are those of a fixed number of seeds."
    )
