"""The table, and the files of each part."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import re
from itertools import groupby
from pathlib import Path
from typing import Any

import torch

from bench import files
from bench.run import environment
from bench.speed.context import Context
from bench.speed.rows import Row
from bench.speed.scales import Scale

COLUMNS = tuple(field.name for field in dataclasses.fields(Row))


def table(found: list[Row]) -> str:
    """At most 80 columns; `x` is the median of the rounds' ratios to the part's reference."""
    lines = []
    for (section, scale), group in groupby(found, key=lambda r: (r.section, r.scale)):
        rows = list(group)
        title = section if section.startswith(scale) else f"{section} ({scale})"
        references = sorted({r.reference for r in rows if r.reference})
        against = f"; x: against {references[0]!r}" if len(references) == 1 else ""
        lines += ["", f"{title}{against}"]
        for r in rows:
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


def write(place: Path, part: str, found: list[Row], context: Context, scale: Scale) -> list[Path]:
    """A part's rows and what they depend on, as PART.csv and PART.json; returns their paths.

    Parts measured in another run keep their files. Raises ResultsError.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for r in found:
        writer.writerow("" if v is None else _plain(v) for v in dataclasses.astuple(r))
    facts = json.dumps(facts_of(context, scale), indent=1, sort_keys=True) + "\n"
    contents = {f"{part}.csv": text.getvalue(), f"{part}.json": facts}
    return [files.write(place / name, content) for name, content in contents.items()]


def _plain(value: Any) -> Any:
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
