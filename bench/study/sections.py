"""Reading the sections `space` and `evaluation` of a study.

An evaluation may be a list of values at the options in `AXES`: then every architecture is evaluated
at each of them, and the study has a setting for each.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

from bench.errors import suggest
from bench.space import registry as spaces
from bench.space.config import SpaceConfig, no_auxiliary_head, no_mobile_skeleton
from bench.space.nas_bench_201.config import NasBench201Config
from bench.study import uncertainty
from bench.study.validation import Place, build
from bench.tabular.config import TabularConfig
from bench.training.config import EvaluationConfig

AXES = ("cells", "channels")
"""Options of an evaluation, its depth and its width, that may have several values."""

Evaluation = EvaluationConfig | TabularConfig


def read_space(values: dict[str, Any], at: Place) -> SpaceConfig:
    """The options of the space that `name` names (by default the DARTS space)."""
    name = values.get("name", SpaceConfig.name)
    return build(spaces.config(known(name, spaces.names(), at / "name", "space")), values, at)


def find_axes(values: Mapping[str, Any]) -> dict[str, list[Any]]:
    """The options of a section `evaluation` that have a list of values."""
    return {name: values[name] for name in AXES if isinstance(values.get(name), list)}


def read_evaluations(
    values: dict[str, Any], space: SpaceConfig, at: Place
) -> dict[str, Evaluation]:
    """Every evaluation of a study, by what tells it from the others: "3 cells, 16 channels".

    Without axes there is one, with an empty name; so there is with a list of one value.
    """
    axes = find_axes(values)
    for name, choices in axes.items():
        if not choices or any(choice in choices[:n] for n, choice in enumerate(choices)):
            raise (at / name).wrong(choices, "must be a whole number, or a list of different ones")
    if values.get("parameters") is not None and len(axes.get("cells", ())) > 1:
        rule = "must be null where cells has several values, which are compared at one width"
        raise (at / "parameters").wrong(values["parameters"], rule)
    evaluations = {}
    for combination in itertools.product(*axes.values()):
        point = dict(zip(axes, combination, strict=True))
        words = [f"{value} {name}" for name, value in point.items() if len(axes[name]) > 1]
        evaluations[", ".join(words)] = read_evaluation({**values, **point}, space, at)
    return evaluations


def read_evaluation(values: dict[str, Any], space: SpaceConfig, at: Place) -> Evaluation:
    """`kind: tabular` looks accuracies up; `kind: training`, the default, trains networks."""
    kind = values.get("kind", "training")
    if kind not in ("training", "tabular"):
        raise (at / "kind").wrong(kind, "must be one of training, tabular")
    if kind == "tabular":
        if not isinstance(space, NasBench201Config):
            raise at.error(
                "kind = tabular: accuracies are known in the space nas-bench-201 alone, not in"
                f" {space.name}"
            )
        return build(TabularConfig, values, at)
    uncertainty.check(values.get("uncertainty"), at / "uncertainty")
    config = build(EvaluationConfig, {k: v for k, v in values.items() if k != "kind"}, at)
    if config.auxiliary_weight > 0 and not space.has_auxiliary_head:
        rule = no_auxiliary_head(space.name)
        raise (at / "auxiliary_weight").wrong(config.auxiliary_weight, rule)
    if config.skeleton == "mobile" and not space.has_mobile_skeleton:
        raise (at / "skeleton").wrong(config.skeleton, no_mobile_skeleton(space.name))
    return config


def known(name: object, names: Mapping[str, Any], at: Place, kind: str) -> str:
    """The name, where it is one of `names`. Raises ConfigurationError with the nearest one."""
    if not isinstance(name, str) or name not in names:
        raise at.error(f"unknown {kind} {name!r}; {suggest(str(name), names)}")
    return name
