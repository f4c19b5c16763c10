"""Options from plain data; where they are wrong, one line with key, value and what is allowed."""

from __future__ import annotations

import types
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from bench.errors import ConfigurationError, show, suggest
from bench.options import fields, from_plain

T = TypeVar("T")

_BOUNDS = {"ge": "at least", "gt": "greater than", "le": "at most", "lt": "less than"}
_KINDS: dict[Any, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    type(None): "null",
}


def build(cls: type[T], values: object, *, where: str, prefix: str) -> T:
    """An instance of the dataclass `cls` from a mapping of its options.

    `where` (the file) and `prefix` (the section's key) begin the line of a ConfigurationError.
    A ValueError of the dataclass's own `__post_init__` is reported likewise.
    """
    mapping = require_mapping(values, where=where, key=prefix)
    known = fields(cls)
    for key in mapping:
        if key not in known:
            raise ConfigurationError(
                f"{where}: {prefix}.{key}: unknown key; {suggest(str(key), known)}"
            )
    try:
        return from_plain(cls, mapping)
    except ValidationError as error:
        raise ConfigurationError(f"{where}: {_complaint(known, error, prefix)}") from error


def require_mapping(values: object, *, where: str, key: str) -> dict[str, Any]:
    """`values` itself where it is a mapping with text keys; null counts as an empty one."""
    if values is None:
        return {}
    if not isinstance(values, dict) or not all(isinstance(name, str) for name in values):
        raise ConfigurationError(f"{where}: {key} = {show(values)}: must be a mapping of options")
    return values


def _complaint(known: Mapping[str, FieldInfo], error: ValidationError, prefix: str) -> str:
    """The first thing wrong, in one line, and how many more there are."""
    errors = error.errors(include_url=False)
    first = errors[0]
    if not first["loc"]:  # of the whole, by __post_init__
        return f"{prefix}: {' '.join(str(first['ctx']['error']).split())}"
    name = str(first["loc"][0])
    if first["type"] == "missing":
        line = f"{prefix}.{name}: is required; must be {allowed(known[name])}"
    else:
        place = name + "".join(f"[{part}]" for part in first["loc"][1:] if isinstance(part, int))
        line = f"{prefix}.{place} = {show(first['input'])}: must be {allowed(known[name])}"
    others = len({tuple(other["loc"][:1]) for other in errors} - {tuple(first["loc"][:1])})
    return line + (f" (and {others} more)" if others else "")


def allowed(field: FieldInfo) -> str:
    """What an option can be, in words."""
    bounds = [
        f"{word} {getattr(mark, bound):g}"
        for mark in _marks(field)
        for bound, word in _BOUNDS.items()
        if getattr(mark, bound, None) is not None
    ]
    text = _describe(field.annotation)
    if not bounds:
        return text
    base, _, null = text.partition(" or null")
    return base + ", " + " and ".join(bounds) + (", or null" if " or null" in text else null)


def _marks(field: FieldInfo) -> list[Any]:
    """Bounds of the option, or of what an optional or a list is made of."""
    parts = get_args(field.annotation)
    inner = [mark for part in parts if get_origin(part) is Annotated for mark in get_args(part)[1:]]
    return [*field.metadata, *(m for i in inner for m in getattr(i, "metadata", [i]))]


def _describe(hint: Any) -> str:
    origin = get_origin(hint)
    if origin is Annotated:
        return _describe(get_args(hint)[0])
    if origin is Literal:
        return "one of " + ", ".join(str(choice) for choice in get_args(hint))
    if origin in (Union, types.UnionType):
        return " or ".join(_describe(part) for part in get_args(hint))
    if origin in (tuple, list):
        return f"a list of items, each {_describe(get_args(hint)[0])}"
    return _KINDS.get(hint, str(getattr(hint, "__name__", hint)))
