"""Typed options from plain data: dataclass -> pydantic model -> checked dataclass.

Every complaint is one line that names the key, the value and what is allowed. Checks are strict
(`true` is not 1, "3" is not 3), except that a whole number may stand where a number is due.
"""

from __future__ import annotations

import dataclasses
import difflib
import json
import types
import typing
from collections.abc import Iterable, Mapping
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from bench.errors import ConfigurationError

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
    hints = _hints(cls)
    for key in mapping:
        if key not in hints:
            raise ConfigurationError(
                f"{where}: {prefix}.{key}: unknown key; {suggest(str(key), hints)}"
            )
    try:
        model = _model(cls).model_validate_json(json.dumps(mapping, default=str))
    except ValidationError as error:
        raise ConfigurationError(f"{where}: {_complaint(cls, error, prefix)}") from error
    try:
        return cls(**{name: getattr(model, name) for name in hints})
    except ValueError as error:
        message = " ".join(str(error).split())
        raise ConfigurationError(f"{where}: {prefix}: {message}") from error


def require_mapping(values: object, *, where: str, key: str) -> dict[str, Any]:
    """`values` itself where it is a mapping with text keys; null counts as an empty one."""
    if values is None:
        return {}
    if not isinstance(values, dict) or not all(isinstance(name, str) for name in values):
        raise ConfigurationError(f"{where}: {key} = {show(values)}: must be a mapping of options")
    return values


def suggest(name: str, known: Iterable[str]) -> str:
    """`did you mean X?` where something known is near, else the list of what is known."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    allowed = ", ".join(names) or "none"
    return f"did you mean {near[0]}? (known: {allowed})" if near else f"known: {allowed}"


def show(value: object) -> str:
    """A value as it would stand in the file, at most 60 characters."""
    try:
        text = json.dumps(value, default=str, ensure_ascii=False)
    except (TypeError, ValueError):
        text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _hints(cls: type) -> Mapping[str, Any]:
    hints = typing.get_type_hints(cls)
    return {field.name: hints[field.name] for field in dataclasses.fields(cls) if field.init}


def _model(cls: type) -> type[BaseModel]:
    definitions: dict[str, Any] = {}
    for field in dataclasses.fields(cls):
        if not field.init:
            continue
        bounds = {name: field.metadata[name] for name in _BOUNDS if name in field.metadata}
        if field.default is not dataclasses.MISSING:
            default = Field(field.default, **bounds)
        elif field.default_factory is not dataclasses.MISSING:
            default = Field(default_factory=field.default_factory, **bounds)
        else:
            default = Field(..., **bounds)
        definitions[field.name] = (_hints(cls)[field.name], default)
    config = ConfigDict(
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        validate_default=True,
        protected_namespaces=(),
    )
    return create_model(cls.__name__, __config__=config, **definitions)


def _complaint(cls: type, error: ValidationError, prefix: str) -> str:
    """The first thing wrong, in one line, and how many more there are."""
    errors = error.errors(include_url=False)
    first = errors[0]
    name = str(first["loc"][0])
    field = next(field for field in dataclasses.fields(cls) if field.name == name)
    if first["type"] == "missing":
        line = f"{prefix}.{name}: is required; must be {_allowed(_hints(cls)[name], field)}"
    else:
        place = name + "".join(f"[{part}]" for part in first["loc"][1:] if isinstance(part, int))
        line = f"{prefix}.{place} = {show(first['input'])}: must be "
        line += _allowed(_hints(cls)[name], field)
    others = len({tuple(other["loc"][:1]) for other in errors} - {tuple(first["loc"][:1])})
    return line + (f" (and {others} more)" if others else "")


def _allowed(hint: Any, field: dataclasses.Field[Any]) -> str:
    bounds = [f"{word} {field.metadata[b]:g}" for b, word in _BOUNDS.items() if b in field.metadata]
    text = _describe(hint)
    if not bounds:
        return text
    base, _, null = text.partition(" or null")
    return base + ", " + " and ".join(bounds) + (", or null" if " or null" in text else null)


def _describe(hint: Any) -> str:
    origin = get_origin(hint)
    if origin is Literal:
        return "one of " + ", ".join(str(choice) for choice in get_args(hint))
    if origin in (Union, types.UnionType):
        return " or ".join(_describe(part) for part in get_args(hint))
    if origin in (tuple, list):
        return f"a list of items, each {_describe(get_args(hint)[0])}"
    return _KINDS.get(hint, str(getattr(hint, "__name__", hint)))
