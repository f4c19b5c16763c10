"""Ablations: a study's named variations of one of its methods, the base.

    base: vinnas                                  # a label; may be left out where there is one
    ablations:
      no_kl: {method.lambda_z: 0.0, method.beta_w: 0.0}
      short: {search.epochs: 5}
      tau: {grid: {method.temperature: [0.1, 0.5, 1.0]}}     # tau-0.1, tau-0.5, tau-1.0

A key is `method.` and an option of the base's method, or an option of a section of the study
(search.epochs, evaluation.cutout). A grid is every combination of its values; what stands beside it
holds for all of them. Every variation runs on every data set and seed, under its own label. What an
option that is `evaluation_only` changes shares the base's search.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bench.errors import ConfigurationError, show, suggest
from bench.study.validation import require_mapping

SECTIONS = ("method", "data", "space", "search", "evaluation")
GRID = "grid"

Changes = dict[str, Any]
"""Dotted key -> value."""


def read(data: Mapping[str, Any], where: str) -> tuple[str | None, dict[str, Changes]]:
    """(the base's label, label -> changes) of a study file. Raises ConfigurationError."""
    methods = data["methods"]
    named = require_mapping(data.get("ablations"), where=where, key="ablations")
    base = data.get("base")
    if not named:
        if base is not None:
            raise ConfigurationError(f"{where}: base = {show(base)}: there are no ablations of it")
        return None, {}
    if base is None and len(methods) == 1:
        base = next(iter(methods))
    if base not in methods:
        raise ConfigurationError(
            f"{where}: base = {show(base)}: must be the method that the ablations are of;"
            f" {suggest(str(base), methods)}"
        )
    found: dict[str, Changes] = {}
    for name, values in named.items():
        for label, changes in _expanded(name, values, where):
            if label in methods or label in found:
                raise ConfigurationError(f"{where}: ablations.{name}: {label!r} is a label already")
            found[label] = changes
    return base, found


def varied(data: Mapping[str, Any], base: str, label: str, changes: Changes) -> dict[str, Any]:
    """The study file of one variation: the base's method, changed, as its only one."""
    left = ("ablations", "base", "baseline", "methods")
    made: dict[str, Any] = {key: value for key, value in data.items() if key not in left}
    options = {"method": base, **(data["methods"][base] or {})}
    for key, value in changes.items():
        section, _, name = key.partition(".")
        if section == "method":
            options[name] = value
        else:
            made[section] = {**(made.get(section) or {}), name: value}
    return {**made, "methods": {label: options}}


def _expanded(name: str, values: object, where: str) -> Iterator[tuple[str, Changes]]:
    key = f"ablations.{name}"
    fixed = dict(require_mapping(values, where=where, key=key))
    grid = require_mapping(fixed.pop(GRID, None), where=where, key=f"{key}.{GRID}")
    if not fixed and not grid:
        raise ConfigurationError(f"{where}: {key}: changes nothing")
    for option in (*fixed, *grid):
        section, dot, rest = option.partition(".")
        if not dot or not rest or section not in SECTIONS:
            raise ConfigurationError(
                f"{where}: {key}: {show(option)} is not of the form section.option, as"
                f" method.{option if not dot else rest or 'option'}; {suggest(section, SECTIONS)}"
            )
    for option, choices in grid.items():
        if not isinstance(choices, list) or not choices:
            raise ConfigurationError(
                f"{where}: {key}.{GRID}.{option} = {show(choices)}: must be a list of values"
            )
    if not grid:
        yield name, fixed
        return
    for chosen in itertools.product(*grid.values()):
        yield f"{name}-{_label(chosen)}", {**fixed, **dict(zip(grid, chosen, strict=True))}


def _label(chosen: Sequence[Any]) -> str:
    """Values as they would stand in the file, as far as a file's name can have them."""
    texts = ["null" if value is None else show(value).strip('"') for value in chosen]
    return "-".join(re.sub(r"[^A-Za-z0-9._-]+", "_", text) for text in texts)
