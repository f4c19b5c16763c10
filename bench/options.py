"""Typed options: pydantic dataclasses whose fields carry their bounds, their meaning and marks.

    @options
    class CrispConfig:
        learning_rate: Annotated[float, Field(gt=0)] = 0.01
        "Of Adam, weights and alpha together."
        decay: Annotated[float, Field(ge=0), Tunable(1e-5, 1e-2, log=True)] = 0.0

A docstring below an option, or `Field(description=...)`, says what it means. What `Field` says is
checked whenever an instance is made: strictly (`true` is not 1, "3" is not
3), except that a whole number may stand where a number is due. A method may use a pydantic or a
plain dataclass of its own as well.
"""

from __future__ import annotations

import dataclasses
import json
import typing
from collections.abc import Mapping
from enum import Enum
from typing import Annotated, Any, TypeVar, cast

from pydantic import ConfigDict, Field, TypeAdapter
from pydantic.dataclasses import dataclass
from pydantic.fields import FieldInfo

T = TypeVar("T")

Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=0, lt=1)]
Count = Annotated[int, Field(ge=1)]
Whole = Annotated[int, Field(ge=0)]

_CHECKS = ConfigDict(
    strict=True,
    extra="forbid",
    allow_inf_nan=False,
    validate_default=True,
    use_attribute_docstrings=True,
)


@typing.dataclass_transform(frozen_default=True, field_specifiers=(Field, dataclasses.field))
def options(cls: type[T]) -> type[T]:
    """Make a class of annotated fields a frozen, checked dataclass of options."""
    made: Any = dataclass(frozen=True, config=_CHECKS)(cls)
    return cast(type[T], made)


class Mark(Enum):
    """What is special about an option; it stands behind `Field` in `Annotated`."""

    HOW = "says how a trial is run, as its device does, and not which trial it is"
    LATER = "came after records were kept without it: at its default it is not recorded"
    EVALUATION_ONLY = "of a method: says nothing to the search"


@dataclasses.dataclass(frozen=True)
class Formerly:
    """Marks an option that came later and whose default is not what it was until then.

    value: what it was; at it the option is not recorded, and a record without it has this value.
    """

    value: Any


@dataclasses.dataclass(frozen=True)
class Tunable:
    """Marks a method's option that acts in the evaluation: `bench tune` may set it there.

    low, high: between these ends (inclusive). log: on a logarithmic scale.
    """

    low: float
    high: float
    log: bool = False


def fields(cls: type) -> dict[str, FieldInfo]:
    """The options of a dataclass that can be set, by name."""
    own: Mapping[str, FieldInfo] | None = getattr(cls, "__pydantic_fields__", None)
    if own is not None:
        return {name: field for name, field in own.items() if field.init is not False}
    hints = typing.get_type_hints(cls, include_extras=True)
    return {
        field.name: FieldInfo.from_annotated_attribute(hints[field.name], _default(field))
        for field in dataclasses.fields(cls)
        if field.init
    }


def has(field: FieldInfo, mark: Mark) -> bool:
    """Whether an option is marked so."""
    return mark in field.metadata


def tunable(field: FieldInfo) -> Tunable | None:
    """The ends between which `bench tune` may set an option, or None."""
    return next((mark for mark in field.metadata if isinstance(mark, Tunable)), None)


def unrecorded(field: FieldInfo) -> Any:
    """What an option is where a record does not say it: its default, or what it was before."""
    return next((m.value for m in field.metadata if isinstance(m, Formerly)), field.default)


def resolved(config: Any) -> dict[str, Any]:
    """All options by name, but those that came later and are what they were before they came.

    So a trial that does not use a new option is the trial that it was, and its record is kept.
    """
    left_out = {
        name
        for name, field in fields(type(config)).items()
        if (has(field, Mark.LATER) or any(isinstance(m, Formerly) for m in field.metadata))
        and getattr(config, name) == unrecorded(field)
    }
    return {k: v for k, v in dataclasses.asdict(config).items() if k not in left_out}


def settable(cls: type, values: Mapping[str, Any]) -> dict[str, Any]:
    """`values`, as `resolved` gives them, without those that are the same in every instance."""
    fixed = {field.name for field in dataclasses.fields(cls) if not field.init}
    return {name: value for name, value in values.items() if name not in fixed}


def with_former(cls: type, values: Mapping[str, Any]) -> dict[str, Any]:
    """`values`, as `resolved` gives them, with what unrecorded options were before they came."""
    former = {
        name: unrecorded(field)
        for name, field in fields(cls).items()
        if any(isinstance(mark, Formerly) for mark in field.metadata)
    }
    return {**former, **values}


def from_resolved(cls: type[T], values: Mapping[str, Any]) -> T:
    """The inverse of `resolved`: options that are not recorded are what they were before."""
    return from_plain(cls, with_former(cls, values))


def from_plain(cls: type[T], values: Mapping[str, Any]) -> T:
    """Options from plain data, as JSON has it. Raises pydantic.ValidationError."""
    return TypeAdapter(cls).validate_json(json.dumps(values, default=str), strict=True)


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default is not dataclasses.MISSING:
        return field.default
    if field.default_factory is not dataclasses.MISSING:
        return Field(default_factory=field.default_factory)
    return Field()


def meaning(cls: type, name: str) -> str:
    """What an option means: its docstring, in the class or in the nearest base that has one."""
    for owner in cls.__mro__:
        if name in vars(owner).get("__annotations__", {}) and dataclasses.is_dataclass(owner):
            described = fields(owner)[name].description if name in fields(owner) else None
            if described:
                return " ".join(described.split())
    return ""
