"""The rules that count: collapsed seeds, with the exact interval of a share, and options."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy import special

from analysis.claims.evidence import Evidence, Records
from analysis.claims.outcome import ClaimVerdict, Outcome, count_seeds, undecided
from analysis.common.intervals import FEWEST_SEEDS, LEVEL
from analysis.common.operations import CollapseThresholds, list_selectable
from analysis.common.power import POWER
from analysis.common.sequential import show_level
from bench.claims import model

_MOST = 200
"""Seeds up to which the number that would decide is sought."""
_CELLS = 2000
"""Cells of random operations that are drawn."""


def share(rule: model.Share, evidence: Evidence) -> Outcome:
    """Do at most, or at least, so many of the seeds collapse?

    detectable: how far from the limit the true share has to be for the interval to stay on its side
    of the limit with a probability of 80 %.
    """
    records = [
        record
        for record in evidence.records["method"]
        if int(record.configuration["search"].get("epochs", 0)) >= rule.epochs
    ]
    label = evidence.labels["method"]
    if not records:
        need = f"searches of {label} of at least {rule.epochs} epochs"
        return undecided(f"its searches are shorter than {rule.epochs} epochs", need)
    collapsed, seeds = _list_collapsed(records, evidence), len(records)
    count = len(collapsed)
    level = evidence.level
    low, high = bound_share(count, seeds, level)
    claimed = _Claimed.read(rule, _average_chance(records, evidence.thresholds))
    verdict = claimed.judge(low, high)
    basis = (
        f"{count} of {count_seeds(seeds)} of {label} collapsed{_say_ends(collapsed)}"
        f" ({show_level(level)} % interval {100 * low:.0f} to {100 * high:.0f} %; {claimed})"
    )
    need = _find_seeds(count / seeds, seeds, claimed, level)
    if rule.control is not None and verdict is not ClaimVerdict.REFUTED:
        control, name = evidence.records["control"], evidence.labels["control"]
        ends = _list_collapsed(control, evidence)
        basis += f"; of {name}, {len(ends)} of {len(control)}{_say_ends(ends)}"
        if 2 * len(ends) <= len(control) or len(control) < FEWEST_SEEDS:
            verdict = ClaimVerdict.UNDECIDED
            need = f"a setting in which {name} collapses on most of {FEWEST_SEEDS} or more seeds"
    return Outcome(
        verdict=verdict,
        basis=basis,
        needs=(need,) if verdict is ClaimVerdict.UNDECIDED else (),
        seeds=seeds,
        estimate=count / seeds,
        low=low,
        high=high,
        unit="of the seeds",
        detectable=_find_detectable(seeds, claimed, level),
    )


def options(rule: model.OptionCount, evidence: Evidence) -> Outcome:
    """Has the method fewer options with numbers than another? Options are the records'."""
    counts = []
    for part in ("method", "against"):
        each = {_count_options(record.configuration["method"]) for record in evidence.records[part]}
        if len(each) != 1:
            return undecided("records of one method have different options", "one configuration")
        counts.append(each.pop())
    own, other = counts
    verdict = (
        ClaimVerdict.EQUIVALENT
        if own == other
        else ClaimVerdict.SUPPORTED
        if own < other
        else ClaimVerdict.REFUTED
    )
    return Outcome(
        verdict=verdict,
        basis=f"options with a number: {evidence.labels['method']} {own},"
        f" {evidence.labels['against']} {other}, as implemented here",
        seeds=len(evidence.records["method"]),
        estimate=own - other,
        unit="options",
    )


def bound_share(count: int, seeds: int, level: float = LEVEL) -> tuple[float, float]:
    """The exact interval of a share (Clopper and Pearson 1934)."""
    tail = (1 - level) / 2
    low = float(special.betaincinv(count, seeds - count + 1, tail)) if count else 0.0
    high = float(special.betaincinv(count + 1, seeds - count, 1 - tail)) if count < seeds else 1.0
    return low, high


def _list_collapsed(records: Records, evidence: Evidence) -> list[str]:
    """What each record that has collapsed has collapsed to."""
    thresholds = evidence.thresholds
    found = [record.architecture for record in records]
    return [thresholds.name_end(one) for one in found if thresholds.have_collapsed(one)]


def _say_ends(ends: Sequence[str]) -> str:
    """In words that continue "collapsed": the most frequent first."""
    if not ends:
        return ""
    counts = sorted(Counter(ends).items(), key=lambda one: (-one[1], one[0]))
    if len(counts) == 1:
        return f" to {counts[0][0]}"
    return " to " + ", ".join(f"{name} ({count})" for name, count in counts)


def _count_options(configuration: dict[str, object]) -> int:
    """Options whose value is a number; those of words, switches and null need no tuning."""
    values = configuration.values()
    return sum(isinstance(one, int | float) and not isinstance(one, bool) for one in values)


@dataclass(frozen=True)
class _Claimed:
    """A share that is to be at most (is_low) or at least `limit`; at the limit it is as claimed.

    chance: the share of cells of random operations that count as collapsed. That a method collapses
    is not said of what they do as often: in a space of two operations that is a third of them.
    """

    limit: float
    is_low: bool
    chance: float

    @classmethod
    def read(cls, rule: model.Share, chance: float) -> _Claimed:
        limit = rule.at_least or 0.0 if rule.at_most is None else rule.at_most
        return cls(limit, rule.at_most is not None, chance)

    def judge(self, low: float, high: float) -> ClaimVerdict:
        """Of an interval of the share."""
        bar = max(self.limit, self.chance)
        if high <= self.limit if self.is_low else low >= bar:
            return ClaimVerdict.SUPPORTED
        if low > bar if self.is_low else high < self.limit:
            return ClaimVerdict.REFUTED
        return ClaimVerdict.UNDECIDED

    def __str__(self) -> str:
        claimed = f"claimed: {'at most' if self.is_low else 'at least'} {100 * self.limit:.0f} %"
        if self.chance < self.limit:
            return claimed
        return f"{claimed}; of cells of random operations {100 * self.chance:.0f} % do"


def _average_chance(records: Records, thresholds: CollapseThresholds) -> float:
    """The share of cells that count as collapsed, of random operations on the records' edges."""
    chances = [
        _find_chance(list_selectable(one), sum(1 for _ in one.architecture.pairs()), thresholds)
        for one in records
    ]
    return float(np.mean(chances))


@cache
def _find_chance(names: tuple[str, ...], edges: int, thresholds: CollapseThresholds) -> float:
    drawn = np.random.default_rng(0).integers(len(names), size=(_CELLS, edges))
    counts = [dict(Counter(names[place] for place in row)) for row in drawn]
    return float(np.mean([thresholds.are_met_by(count) for count in counts]))


def _find_seeds(observed: float, seeds: int, claimed: _Claimed, level: float) -> str:
    """How many seeds with the same share collapsed would decide."""
    for number in range(max(FEWEST_SEEDS, seeds + 1), _MOST + 1):
        low, high = bound_share(round(observed * number), number, level)
        if claimed.judge(low, high) is not ClaimVerdict.UNDECIDED:
            return f"{number} seeds, if as many of them collapse"
    return f"more than {_MOST} seeds"


def _find_detectable(seeds: int, claimed: _Claimed, level: float) -> float | None:
    """The distance of the true share from the limit at which the claim is found, at 80 %."""
    counts = range(seeds + 1)
    fitting = [
        count
        for count in counts
        if claimed.judge(*bound_share(count, seeds, level)) is ClaimVerdict.SUPPORTED
    ]
    if not fitting:
        return None
    shares = np.linspace(0, 1, 1001)
    if claimed.is_low:
        found = special.bdtr(max(fitting), seeds, shares) >= POWER
        return claimed.limit - float(shares[found].max()) if found.any() else None
    found = 1 - special.bdtr(min(fitting) - 1, seeds, shares) >= POWER
    return float(shares[found].min()) - claimed.limit if found.any() else None
