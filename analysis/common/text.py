"""Tables and notes as Markdown."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Note:
    """A remark below a table, with details that are listed under it."""

    text: str
    details: tuple[str, ...] = ()


def escape(text: Any) -> str:
    """Text on one line that ends no cell of a Markdown table."""
    return " ".join(str(text).split()).replace("|", "\\|")


def format_p_value(value: float | None) -> str:
    """Three decimals, or that it is below the least of them; empty where there is none."""
    if value is None or math.isnan(value):
        return ""
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def join_names(names: Sequence[str]) -> str:
    """a, b and c; empty for no names."""
    return " and ".join(filter(None, (", ".join(names[:-1]), "".join(names[-1:]))))


def format_table(
    headings: Sequence[str], numeric: Sequence[bool], rows: Iterable[Sequence[Any]]
) -> list[str]:
    """The lines of a Markdown table; `numeric` columns are aligned at the right."""
    return [
        f"| {' | '.join(map(escape, headings))} |",
        f"|{'|'.join('---:' if right else '---' for right in numeric)}|",
        *(f"| {' | '.join(map(escape, row))} |" for row in rows),
    ]


def format_notes(notes: Iterable[Note]) -> list[str]:
    """The lines of a Markdown list."""
    return [
        line
        for note in notes
        for line in (f"- {note.text}", *(f"  - {detail}" for detail in note.details))
    ]


def format_heading(title: str, *paragraphs: str | None) -> list[str]:
    """A title and the paragraphs below it that are not empty, with the blank lines between."""
    lines = [f"# {title}", ""]
    for paragraph in filter(None, paragraphs):
        lines += [escape(paragraph), ""]
    return lines
