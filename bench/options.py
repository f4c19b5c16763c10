"""Typed options as plain dataclass fields, so that methods and trainer need no pydantic.

`bench.study` turns these dataclasses into pydantic models when it reads a study; the bounds
given here become the models' checks.
"""

from __future__ import annotations

import dataclasses
from typing import Any


def option(
    default: Any,
    *,
    ge: float | None = None,
    gt: float | None = None,
    le: float | None = None,
    lt: float | None = None,
    help: str = "",
    identity: bool = True,
    added: bool = False,
) -> Any:
    """A dataclass field with a default, numeric bounds and one line of help.

    The bounds have pydantic's meaning: `ge` is >=, `gt` is >, `le` is <=, `lt` is <. Without
    `identity` the option says how a trial is run, as its device does, and not which trial it is.
    One that was `added` after records were published is part of a configuration only where it is
    not its default, so that those records keep their ids.
    """
    bounds = {"ge": ge, "gt": gt, "le": le, "lt": lt}
    metadata = {name: bound for name, bound in bounds.items() if bound is not None}
    return dataclasses.field(
        default=default,
        metadata={**metadata, "help": help, "identity": identity, "added": added},
    )


def plain(options: Any) -> dict[str, Any]:
    """The options of a dataclass by name, but for added ones that have their default."""
    return {
        field.name: getattr(options, field.name)
        for field in dataclasses.fields(options)
        if not (field.metadata.get("added") and getattr(options, field.name) == field.default)
    }
