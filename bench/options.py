"""Typed options as plain dataclass fields, so that methods and trainer need no pydantic.

`bench.study.model` turns these dataclasses into pydantic models when it reads a study; the bounds
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
    later: bool = False,
    evaluation_only: bool = False,
    tune: tuple[float, float] | None = None,
    log: bool = False,
) -> Any:
    """A dataclass field with a default, numeric bounds and one line of help.

    The bounds have pydantic's meaning: `ge` is >=, `gt` is >, `le` is <=, `lt` is <. Without
    `identity` the option says how a trial is run, as its device does, and not which trial it is.
    A `later` one came after records were kept without it: see `resolved`.

    Of a method's options: one that is `evaluation_only` says nothing to the search; one with `tune`
    acts in the evaluation (perhaps not only there) and `bench tune` may set it for the evaluation
    between these two ends, on a logarithmic scale with `log`.
    """
    bounds = {"ge": ge, "gt": gt, "le": le, "lt": lt}
    metadata = {name: bound for name, bound in bounds.items() if bound is not None}
    return dataclasses.field(
        default=default,
        metadata={
            **metadata,
            "help": help,
            "identity": identity,
            "later": later,
            "evaluation_only": evaluation_only,
            "tune": None if tune is None else (*tune, log),
        },
    )


def resolved(config: Any) -> dict[str, Any]:
    """All options of a dataclass by name, but `later` ones with their default.

    So a trial that does not use a new option is the trial that it was, and its record is kept.
    """
    left_out = {
        field.name
        for field in dataclasses.fields(config)
        if field.metadata.get("later") and getattr(config, field.name) == field.default
    }
    return {k: v for k, v in dataclasses.asdict(config).items() if k not in left_out}
