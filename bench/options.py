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
    newer: bool = False,
) -> Any:
    """A dataclass field with a default, numeric bounds and one line of help.

    The bounds have pydantic's meaning: `ge` is >=, `gt` is >, `le` is <=, `lt` is <. Without
    `identity` the option says how a trial is run, as its device does, and not which trial it is.
    One that is `newer` than the first records says so only where it is not at its default, so that
    older records keep their ids.
    """
    bounds = {"ge": ge, "gt": gt, "le": le, "lt": lt}
    metadata = {name: bound for name, bound in bounds.items() if bound is not None}
    return dataclasses.field(
        default=default, metadata={**metadata, "help": help, "identity": identity, "newer": newer}
    )
