"""What `bench speed` leaves behind: one row per measured quantity, as a table and in files."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import torch

from bench import files
from bench.run import environment
from bench.speed.context import Context
from bench.speed.scales import Scale
from bench.speed.timing import Samples, Spread, ratios


@dataclass(frozen=True)
class Row:
    """median, low, high: median and quartiles over `samples` alternating rounds, in `unit`.

    ratio, ratio_low, ratio_high: the same of this row's value divided by that of the variant
    `reference` in the same round; None for the reference itself and where there is none.
    flops, bytes: what the timed work computes and moves; bound: the least time for that on this
    machine, seconds, by `bound_by`; share: of the time that was needed, a fraction, median and
    quartiles. None where they were not counted (see `bench.speed.roofline`).
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
    flops: float | None = None
    bytes: float | None = None
    bound: float | None = None
    bound_by: str = ""
    share: float | None = None
    share_low: float | None = None
    share_high: float | None = None


@dataclass(frozen=True)
class Section:
    """What rows have in common; reference: the variant that others are compared with."""

    name: str
    scale: str
    reference: str = ""

    def row(
        self,
        variant: str,
        quantity: str,
        values: Sequence[float],
        unit: str = "s",
        *,
        against: Sequence[float] | None = None,
        note: str = "",
    ) -> Row:
        """A row of samples; against: the reference's samples of the same rounds."""
        spread = Spread.of(values)
        row = Row(
            *(self.name, self.scale, variant, quantity, unit),
            *(spread.median, spread.low, spread.high, len(values)),
            note=note,
        )
        if against is None or variant == self.reference or 0 in against:
            return row
        ratio = ratios(values, against)
        return dataclasses.replace(
            row,
            reference=self.reference,
            ratio=ratio.median,
            ratio_low=ratio.low,
            ratio_high=ratio.high,
        )

    def rows(self, samples: Mapping[str, Samples], unit: str = "s", note: str = "") -> list[Row]:
        """Rows of all variants and quantities, compared with the reference."""
        against = samples[self.reference]
        return [
            self.row(variant, quantity, values, unit, against=against[quantity], note=note)
            for variant, quantities in samples.items()
            for quantity, values in quantities.items()
        ]


COLUMNS = tuple(field.name for field in dataclasses.fields(Row))


def table(rows: Sequence[Row]) -> str:
    """At most 80 columns; `x` is the median of the rounds' ratios to the part's reference."""
    lines = []
    for (section, scale), group in groupby(rows, key=lambda r: (r.section, r.scale)):
        members = list(group)
        title = section if section.startswith(scale) else f"{section} ({scale})"
        references = sorted({r.reference for r in members if r.reference})
        against = f"; x: against {references[0]!r}" if len(references) == 1 else ""
        lines += ["", f"{title}{against}"]
        for r in members:
            times = "" if r.ratio is None else f"{_short(r.ratio)}x"
            spread = "" if r.samples == 1 else f"{_short(r.low)}..{_short(r.high)}"
            name = f"{r.variant}: {r.quantity}"
            value = f"{_short(r.median)} {r.unit}"
            lines.append(f"  {name[:44]:44} {value:>11} {spread:>12} {times:>7}")
    return "\n".join(lines[1:])


def _short(value: float) -> str:
    """Three digits that count, without an exponent."""
    if value == 0 or abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.3g}" if abs(value) >= 0.001 else f"{value:.1g}"


def folder(results: Path, device: torch.device) -> Path:
    """results/speed/<hardware>; a name that every file system takes."""
    name = re.sub(r"[^a-z0-9]+", "-", environment.hardware(device).lower()).strip("-")
    return results / "speed" / name


def write(
    place: Path,
    part: str,
    rows: Sequence[Row],
    context: Context,
    scale: Scale,
    further: Mapping[str, Any] | None = None,
) -> list[Path]:
    """A part's rows and what they depend on, as PART.csv and PART.json; returns their paths.

    further: keys of the JSON file besides those of `facts_of`.

    Parts measured in another run keep their files. Raises ResultsError.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow(map(_cell, dataclasses.astuple(row)))
    values = {**facts_of(context, scale), **(further or {})}
    facts = json.dumps(values, indent=1, sort_keys=True) + "\n"
    contents = {f"{part}.csv": text.getvalue(), f"{part}.json": facts}
    return [files.write(place / name, content) for name, content in contents.items()]


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else value


def facts_of(context: Context, scale: Scale) -> dict[str, Any]:
    """What the numbers depend on."""
    commit, dirty = environment.code_version()
    return {
        **environment.describe(context.device),
        "threads": context.threads,
        "repeats": context.repeats,
        "quick": context.quick,
        "git_commit": commit,
        "git_dirty": dirty,
        "scale": {scale.name: scale.description},
        "taken": "alternating rounds after a warm-up; median and quartiles; ratios by round",
    }
