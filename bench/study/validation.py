"""Options from plain data; where they are wrong, one line with key, value and what is allowed."""

from __future__ import annotations

import dataclasses
import re
import types
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from bench.errors import ConfigurationError, one_line, show, suggest
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


FILE_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
SAFE_RULE = "must be letters, digits, '.', '_' or '-', at most 100 (it names files)"
SEEDS_RULE = "different whole numbers, at least 0 and below 2**63"


def are_seeds(seeds: object) -> bool:
    """Whether these are what `SEEDS_RULE` says. Seeds name files, too."""
    if not isinstance(seeds, list | tuple):
        return False
    right = all(type(seed) is int and 0 <= seed < 2**63 for seed in seeds)
    return right and len(set(seeds)) == len(seeds)


@dataclass(frozen=True)
class Place:
    """Where something stands in a file, which begins the line that says what is wrong with it."""

    file: str
    key: str = ""
    """Dotted; empty for the whole file."""

    def __truediv__(self, name: object) -> Place:
        return Place(self.file, f"{self.key}.{name}" if self.key else str(name))

    def error(self, problem: str) -> ConfigurationError:
        """What is wrong here."""
        return ConfigurationError(": ".join(filter(None, [self.file, self.key, problem])))

    def wrong(self, value: object, rule: str) -> ConfigurationError:
        """A value that breaks a rule."""
        return ConfigurationError(f"{self.file}: {self.key} = {show(value)}: {rule}")

    def mapping(self, value: object) -> dict[str, Any]:
        """The value where it is a mapping with text keys; null counts as an empty one."""
        if value is None:
            return {}
        if not isinstance(value, dict) or not all(isinstance(name, str) for name in value):
            raise self.wrong(value, "must be a mapping of options")
        return value

    def section(self, data: Mapping[str, Any], key: str) -> dict[str, Any]:
        """A mapping in `data`, which stands here."""
        return (self / key).mapping(data.get(key))

    def only(self, values: Iterable[object], known: Iterable[str]) -> None:
        """Raise ConfigurationError at a key that is not known."""
        names = list(known)
        for key in values:
            if key not in names:
                raise (self / key).error(f"unknown key; {suggest(str(key), names)}")


def build(cls: type[T], values: object, at: Place) -> T:
    """An instance of the dataclass `cls` from a mapping of its options.

    Raises ConfigurationError, in one line; also for a ValueError of the dataclass's own
    `__post_init__`.
    """
    mapping, known = at.mapping(values), fields(cls)
    at.only(mapping, known)
    try:
        return from_plain(cls, mapping)
    except ValidationError as error:
        raise _complaint(known, error, at) from error
    except (TypeError, ValueError, RecursionError) as error:  # a key, deep inside, that is no text
        raise at.wrong(values, f"must be plain data: {one_line(error)}") from error


def _complaint(
    known: Mapping[str, FieldInfo], error: ValidationError, at: Place
) -> ConfigurationError:
    """The first thing wrong, in one line, and how many more there are."""
    errors = error.errors(include_url=False)
    first = errors[0]
    if not first["loc"]:  # of the whole, by __post_init__
        return at.error(one_line(first["ctx"]["error"]))
    name = str(first["loc"][0])
    others = len({other["loc"][:1] for other in errors} - {first["loc"][:1]})
    rule = f"must be {allowed(known[name])}" + (f" (and {others} more)" if others else "")
    if first["type"] == "missing":
        return (at / name).error(f"is required; {rule}")
    items = "".join(f"[{part}]" for part in first["loc"][1:] if isinstance(part, int))
    return (at / f"{name}{items}").wrong(first["input"], rule)


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
    if dataclasses.is_dataclass(hint):
        return "a mapping of options"
    return _KINDS.get(hint, str(getattr(hint, "__name__", hint)))
