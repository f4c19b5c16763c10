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

from bench.errors import show, suggest
from bench.study.sections import find_axes
from bench.study.validation import Place

SECTIONS = ("method", "data", "space", "search", "evaluation")
GRID = "grid"

Changes = dict[str, Any]
"""Dotted key -> value."""


def read(data: Mapping[str, Any], file: Place) -> tuple[str | None, dict[str, Changes]]:
    """(the base's label, label -> changes) of a study file. Raises ConfigurationError."""
    methods = data["methods"]
    at = file / "ablations"
    named = at.mapping(data.get("ablations"))
    base = data.get("base")
    if not named:
        if base is not None:
            raise (file / "base").wrong(base, "there are no ablations of it")
        return None, {}
    if base is None and len(methods) == 1:
        base = next(iter(methods))
    if not isinstance(base, str) or base not in methods:
        rule = f"must be the method that the ablations are of; {suggest(str(base), methods)}"
        raise (file / "base").wrong(base, rule)
    variations: dict[str, Changes] = {}
    axes = find_axes(file.section(data, "evaluation"))
    for name, values in named.items():
        for label, changes in _expand(name, values, at / name):
            if label in methods or label in variations:
                raise (at / name).error(f"{label!r} is a label already")
            for key, value in changes.items():
                section, _, axis = key.partition(".")
                if section == "evaluation" and axis in axes:
                    raise (at / name).error(f"{key} has several values in every method")
                if section == "evaluation" and find_axes({axis: value}):
                    rule = f"must be one value; under `{GRID}` each is an ablation"
                    raise (at / name / key).wrong(value, rule)
            if changes in variations.values():
                same = next(other for other, known in variations.items() if known == changes)
                raise (at / name).error(f"{label!r} changes the same as {same!r}")
            variations[label] = changes
    return base, variations


def vary(data: Mapping[str, Any], base: str, label: str, changes: Changes) -> dict[str, Any]:
    """The study file of one variation: the base's method, changed, as its only one."""
    dropped = ("ablations", "base", "baseline", "methods")
    varied: dict[str, Any] = {key: value for key, value in data.items() if key not in dropped}
    options = {"method": base, **(data["methods"][base] or {})}
    for key, value in changes.items():
        section, _, name = key.partition(".")
        if section == "method":
            options[name] = value
        else:
            varied[section] = {**(varied.get(section) or {}), name: value}
    return {**varied, "methods": {label: options}}


def _expand(name: str, values: object, at: Place) -> Iterator[tuple[str, Changes]]:
    fixed = dict(at.mapping(values))
    grid = (at / GRID).mapping(fixed.pop(GRID, None))
    if not fixed and not grid:
        raise at.error("changes nothing")
    for option in (*fixed, *grid):
        section, dot, rest = option.partition(".")
        if not dot or not rest or section not in SECTIONS:
            form = f"section.option, as method.{option if not dot else rest or 'option'}"
            raise at.error(
                f"{show(option)} is not of the form {form}; {suggest(section, SECTIONS)}"
            )
        if option == "method.method":
            raise at.error(f"{option}: an ablation changes the method's options, not the method")
        if option in fixed and option in grid:
            raise at.error(f"{option} is in `{GRID}`, and beside it")
    for option, choices in grid.items():
        if not isinstance(choices, list) or not choices:
            raise (at / GRID / option).wrong(choices, "must be a list of values")
    if not grid:
        yield name, fixed
        return
    for combination in itertools.product(*grid.values()):
        changes = {**fixed, **dict(zip(grid, combination, strict=True))}
        yield f"{name}-{_label(combination)}", changes


def _label(values: Sequence[Any]) -> str:
    """Values as they would stand in the file, as far as a file's name can have them."""
    texts = ["null" if value is None else show(value).strip('"') for value in values]
    return "-".join(re.sub(r"[^A-Za-z0-9._-]+", "_", text) for text in texts)
