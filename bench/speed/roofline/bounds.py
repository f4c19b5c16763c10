"""The roofline: the least time of a step on this machine, and the share of it that is reached.

Williams, Waterman & Patterson (2009), "Roofline: an insightful visual performance model":

    bound = max(operations / peak operations a second, bytes / memory bandwidth)
    share = bound / measured time
"""

from __future__ import annotations

import dataclasses
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from bench.speed.report import Row, Section
from bench.speed.roofline.peaks import MACHINE, PRODUCT, TRIAD
from bench.speed.roofline.work import COUNTED, Work
from bench.speed.timing import Samples, Spread, ratios

COMPUTATION, MEMORY = "compute", "memory"
"""What bounds a step."""


def bound(work: Work, peak: float, bandwidth: float) -> float:
    """The least time in seconds. peak: operations a second; bandwidth: bytes a second."""
    return max(work.flops / peak, work.bytes / bandwidth)


def machine_rows(section: Section, rates: Samples) -> list[Row]:
    """What the machine reached, as rows of the part."""
    return [
        section.row(MACHINE, name, [rate / 1e9 for rate in rates[name]], unit)
        for name, unit in ((PRODUCT, "GFLOP/s"), (TRIAD, "GB/s"))
    ]


def with_bounds(
    rows: Sequence[Row],
    samples: Mapping[str, Samples],
    work: Mapping[tuple[str, str], Work],
    rates: Samples,
) -> list[Row]:
    """The rows, those of timed work with its bound and the share that it reaches, by round.

    samples: seconds, by variant and quantity; work: of some of them, by (variant, quantity).
    rates: of the machine, in the same rounds.
    """
    return [
        _with_bound(row, samples[row.variant][row.quantity], work[row.variant, row.quantity], rates)
        if (row.variant, row.quantity) in work and row.unit == "s"
        else row
        for row in rows
    ]


def _with_bound(row: Row, times: Sequence[float], work: Work, rates: Samples) -> Row:
    pairs = list(zip(rates[PRODUCT], rates[TRIAD], strict=True))
    bounds = [bound(work, peak, bandwidth) for peak, bandwidth in pairs]
    share, least = ratios(bounds, times), Spread.of(bounds)
    computing = Spread.of([work.flops / peak for peak, _ in pairs]).median
    moving = Spread.of([work.bytes / bandwidth for _, bandwidth in pairs]).median
    return dataclasses.replace(
        row,
        flops=work.flops,
        bytes=work.bytes,
        bound=least.median,
        bound_by=COMPUTATION if computing >= moving else MEMORY,
        share=share.median,
        share_low=share.low,
        share_high=share.high,
    )


def table(rows: Sequence[Row]) -> str:
    """At most 80 columns, for the rows that have a bound; "" where none has."""
    bounded = [row for row in rows if row.share is not None]
    if not bounded:
        return ""
    lines = [f"  {'share of the bound':39} {'share':>5} {'bound, s':>8} {'GFLOP':>7} {'GB':>6} by"]
    for row in bounded:
        assert row.share is not None and row.bound is not None
        assert row.flops is not None and row.bytes is not None
        name = f"{row.variant}: {row.quantity}"[:39]
        values = f"{row.bound:>8.3g} {row.flops / 1e9:>7.3g} {row.bytes / 1e9:>6.3g}"
        lines.append(f"  {name:39} {row.share:>5.0%} {values} {row.bound_by}"[:80])
    first = sentences(rows)[:1]  # of the reference; the JSON file has them all
    return "\n".join([*lines, *(textwrap.indent(textwrap.fill(line, 78), "  ") for line in first)])


def sentences(rows: Sequence[Row]) -> list[str]:
    """One for every step that has a bound: the share it reaches, and of what."""
    rates = {row.quantity: row.median for row in rows if row.variant == MACHINE}
    lines = []
    for row in rows:
        if row.share is None or row.bound is None or row.quantity != "step":
            continue
        assert row.share_low is not None and row.share_high is not None
        assert row.flops is not None and row.bytes is not None
        if row.bound_by == MEMORY:
            why = f"{row.bytes / 1e9:.3g} GB at {rates[TRIAD]:.3g} GB/s"
        else:
            why = f"{row.flops / 1e9:.3g} GFLOP at {rates[PRODUCT]:.3g} GFLOP/s"
        lines.append(
            f"{row.scale}, {row.variant}: a step reaches {row.share:.0%} of its bound"
            f" ({row.share_low:.0%} to {row.share_high:.0%}): {why} take {row.bound:.3g} s."
        )
    return lines


def facts(rows: Sequence[Row]) -> dict[str, Any]:
    """The same for the part's JSON file; empty where no row has a bound."""
    bounded = [row for row in rows if row.share is not None]
    if not bounded:
        return {}
    kept = ("flops", "bytes", "bound", "bound_by", "share", "share_low", "share_high")
    return {
        "machine": {
            f"{row.quantity}, {row.unit}": {"median": row.median, "low": row.low, "high": row.high}
            for row in rows
            if row.variant == MACHINE
        },
        "bounds": [
            {
                "section": row.section,
                "variant": row.variant,
                "quantity": row.quantity,
                "seconds": row.median,
                **{name: getattr(row, name) for name in kept},
            }
            for row in bounded
        ],
        "counted": COUNTED,
        "sentences": sentences(rows),
    }
