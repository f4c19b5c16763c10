"""Where two configurations differ, by dotted name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from bench.data.config import DataConfig
from bench.options import Mark, fields, has, unrecorded
from bench.space.config import SpaceConfig
from bench.training.config import EvaluationConfig, SearchConfig

_SECTIONS: dict[str, type] = {
    "data": DataConfig,
    "space": SpaceConfig,
    "search": SearchConfig,
    "evaluation": EvaluationConfig,
}


class Gap(NamedTuple):
    """An option, "search.epochs", and its two values."""

    name: str
    one: Any
    other: Any


def differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[Gap]:
    """Options of two records' `configuration` that differ, sorted by name.

    An option that one does not name, because it is older, is what it was then; options that do not
    say which trial it is (`Mark.HOW`) do not count.
    """
    for section in sorted({*one, *other}):
        yield from section_differences(section, one.get(section), other.get(section))


def section_differences(
    section: str, one: Mapping[str, Any] | None, other: Mapping[str, Any] | None
) -> Iterator[Gap]:
    """Options that differ between two versions of a section, named as in a configuration."""
    known = fields(_SECTIONS[section]) if section in _SECTIONS else {}
    one, other = one or {}, other or {}
    for name in sorted({*one, *other}):
        field = known.get(name)
        if field is not None and has(field, Mark.HOW):
            continue
        default = None if field is None else unrecorded(field)
        values = one.get(name, default), other.get(name, default)
        if values[0] != values[1]:
            yield Gap(f"{section}.{name}", *values)
