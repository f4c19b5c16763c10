"""What a rule makes of its evidence, in numbers and in words."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from analysis.common.comparisons import Judgement
from analysis.common.intervals import FEWEST_SEEDS
from analysis.common.power import simulate_paired_shift, simulate_shift
from analysis.common.sequential import show_level

_TRIED = 10
"""Seeds of the simulated comparison from which the number that is needed is scaled."""
_MOST = 1000
"""More seeds than this are not worth a number."""


class ClaimVerdict(StrEnum):
    """What the records say of a claim."""

    SUPPORTED = "supported"
    REFUTED = "refuted"
    EQUIVALENT = "equivalent"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class Outcome:
    """A rule's verdict and the numbers behind it, in `unit`; None where they do not exist.

    seeds: of the method that the claim is about. detectable: the smallest difference (or factor)
    that would have been found with a probability of 80 %. basis: the numbers in words; needs:
    what would decide it, most needed first; empty where it is decided.
    """

    verdict: ClaimVerdict
    basis: str
    needs: tuple[str, ...] = ()
    seeds: int = 0
    estimate: float | None = None
    low: float | None = None
    high: float | None = None
    unit: str = ""
    detectable: float | None = None


def count_seeds(number: int) -> str:
    """A number of seeds in words."""
    return f"{number} seed{'s' * (number != 1)}"


def undecided(basis: str, need: str) -> Outcome:
    """An outcome without numbers."""
    return Outcome(ClaimVerdict.UNDECIDED, basis, (need,))


@dataclass(frozen=True)
class Scale:
    """How shifts are shown.

    convert: a shift as the number that is shown; power: a detectable shift as a difference or
    factor; sign: "+" where differences are shown with their sign.
    """

    unit: str
    convert: Callable[[float], float] = float
    sign: str = "+"
    power: Callable[[float], float] = float

    def show(self, value: float) -> str:
        """A number with two decimals."""
        return f"{value:{self.sign}.2f}"


def conclude(
    judgement: Judgement,
    verdict: ClaimVerdict,
    what: str,
    scale: Scale,
    target: float | None = None,
) -> Outcome:
    """The outcome of a comparison.

    what: that is measured, in words; target: the difference that has to be seen to decide, where it
    is not that of the means from 0.
    """
    own = judgement.comparison
    estimate = scale.convert(own.shift)
    is_bounded = math.isfinite(own.low)
    low, high = sorted((scale.convert(own.low), scale.convert(own.high))) if is_bounded else (0, 0)
    sees = math.isfinite(judgement.detectable)
    ends = f"{scale.show(low)} to {scale.show(high)}"
    bounds = f"{show_level(own.level)} % interval {ends}" if is_bounded else "no interval"
    counts = f"{own.seeds[0]} and " * (not own.paired) + count_seeds(own.seeds[1])
    need = describe_need(judgement, abs(own.mean) if target is None else target)
    return Outcome(
        verdict=verdict,
        basis=f"{what}: {scale.show(estimate)} {scale.unit} ({bounds}; {counts})",
        needs=(need,) if verdict is ClaimVerdict.UNDECIDED else (),
        seeds=own.seeds[0],
        estimate=estimate,
        low=low if is_bounded else None,
        high=high if is_bounded else None,
        unit=scale.unit,
        detectable=scale.power(judgement.detectable) if sees else None,
    )


def describe_need(judgement: Judgement, target: float) -> str:
    """How many seeds would see a difference of `target` with a probability of 80 %.

    From the spread of these seeds; what is seen falls with the root of their number.
    """
    (one, other), level = judgement.comparison.seeds, judgement.comparison.level
    least = max(FEWEST_SEEDS, min(one, other) + 1)
    if judgement.comparison.paired:
        own = simulate_paired_shift(one, 1, level)
        tried = simulate_paired_shift(_TRIED, 1, level)
    else:
        own = simulate_shift(one, other, 1, level)
        tried = simulate_shift(_TRIED, _TRIED, 1, level)
    if not math.isfinite(own) or not math.isfinite(judgement.detectable) or target <= 0:
        return f"more seeds (at least {least})"
    needed = math.ceil(_TRIED * (judgement.detectable / own * tried / target) ** 2)
    if needed > _MOST:
        return f"more than {_MOST:,} seeds"
    return f"about {max(least, needed)} seeds"
