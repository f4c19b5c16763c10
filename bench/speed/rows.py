"""What `bench speed` leaves behind: one row a measured quantity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench.speed.timing import Samples, Spread, ratios


@dataclass(frozen=True)
class Row:
    """median, low, high: median and quartiles over `samples` alternating rounds, in `unit`.

    ratio, ratio_low, ratio_high: the same of this row's value divided by that of the variant
    `reference` in the same round; None for the reference itself and where there is none.
    """

    section: str
    scale: str
    variant: str
    quantity: str
    unit: str
    median: float
    low: float
    high: float
    samples: int
    reference: str = ""
    ratio: float | None = None
    ratio_low: float | None = None
    ratio_high: float | None = None
    note: str = ""


def row(
    section: str,
    scale: str,
    variant: str,
    quantity: str,
    unit: str,
    values: Sequence[float],
    reference: tuple[str, Sequence[float]] | None = None,
    note: str = "",
) -> Row:
    """A row of samples; `reference`: the variant to compare with, and its samples."""
    spread = Spread.of(values)
    common = (section, scale, variant, quantity, unit, spread.median, spread.low, spread.high)
    if reference is None or reference[0] == variant or 0 in reference[1]:
        return Row(*common, len(values), note=note)
    against = ratios(values, reference[1])
    return Row(*common, len(values), reference[0], against.median, against.low, against.high, note)


def rows(
    section: str, scale: str, found: dict[str, Samples], reference: str, unit: str = "s"
) -> list[Row]:
    """Rows of all variants and quantities, compared with one variant."""
    return [
        row(
            section, scale, variant, quantity, unit, values, (reference, found[reference][quantity])
        )
        for variant, samples in found.items()
        for quantity, values in samples.items()
    ]
