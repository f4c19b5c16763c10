"""The rules that count: collapsed seeds, with the exact interval of a share, and options."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from scipy import special

from analysis.claims.evidence import Evidence, Records
from analysis.claims.outcome import ClaimVerdict, Outcome, count_seeds, undecided
from analysis.common.intervals import FEWEST_SEEDS, LEVEL
from analysis.common.power import POWER
from analysis.common.sequential import show_level
from bench.claims import model

_MOST = 200
"""Seeds up to which the number that would decide is sought."""


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
    is_low = rule.at_most is not None
    limit = rule.at_most if rule.at_most is not None else rule.at_least or 0.0
    verdict = _hold_against(low, high, limit, is_low)
    claimed = f"{'at most' if is_low else 'at least'} {100 * limit:.0f} %"
    basis = (
        f"{count} of {count_seeds(seeds)} of {label} collapsed{_say_ends(collapsed)}"
        f" ({show_level(level)} % interval"
        f" {100 * low:.0f} to {100 * high:.0f} %; claimed: {claimed})"
    )
    need = _find_seeds(count / seeds, seeds, limit, is_low, level)
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
        detectable=_find_detectable(seeds, limit, is_low, level),
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


def _hold_against(low: float, high: float, limit: float, is_low: bool) -> ClaimVerdict:
    """A share that is to be at most (is_low) or at least `limit`; at the limit it is as claimed."""
    if high <= limit if is_low else low >= limit:
        return ClaimVerdict.SUPPORTED
    if low > limit if is_low else high < limit:
        return ClaimVerdict.REFUTED
    return ClaimVerdict.UNDECIDED


def _find_seeds(observed: float, seeds: int, limit: float, is_low: bool, level: float) -> str:
    """How many seeds with the same share collapsed would decide."""
    for number in range(max(FEWEST_SEEDS, seeds + 1), _MOST + 1):
        low, high = bound_share(round(observed * number), number, level)
        if _hold_against(low, high, limit, is_low) is not ClaimVerdict.UNDECIDED:
            return f"{number} seeds, if as many of them collapse"
    return f"more than {_MOST} seeds"


def _find_detectable(seeds: int, limit: float, is_low: bool, level: float) -> float | None:
    """The distance of the true share from the limit at which the claim is found, at 80 %."""
    counts = range(seeds + 1)
    fitting = [
        count
        for count in counts
        if _hold_against(*bound_share(count, seeds, level), limit, is_low) is ClaimVerdict.SUPPORTED
    ]
    if not fitting:
        return None
    shares = np.linspace(0, 1, 1001)
    if is_low:
        found = special.bdtr(max(fitting), seeds, shares) >= POWER
        return limit - float(shares[found].max()) if found.any() else None
    found = 1 - special.bdtr(min(fitting) - 1, seeds, shares) >= POWER
    return float(shares[found].min()) - limit if found.any() else None
