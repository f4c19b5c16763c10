"""Reading the section `gate` of a study: reference cells, their levels, how they are trained.

gate:
  cells: {best: "|nor_conv_3x3~0|+...", all-skip: ...}   # name -> genotype text
  levels: [[best, all-3x3], [all-skip]]                  # by known quality, best first
  seeds: [0, 1, 2]
  factor: 2.0                                            # standard errors
  evaluation: {...}                                      # over the study's evaluation

Without the section a space has its own reference cells. With `evaluation: tabular` networks are
trained at the search's scale (its cells, channels, epochs, batch size).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from bench.options import Positive, options
from bench.space.config import SpaceConfig
from bench.space.genotype import Genotype
from bench.space.nas_bench_201.config import NasBench201Config
from bench.study.model import Gate, Trial
from bench.study.validation import FILE_SAFE, SAFE_RULE, SEEDS_RULE, Place, are_seeds, build
from bench.tabular.config import TabularConfig
from bench.training.config import CHANNELS, EvaluationConfig, SearchConfig

Levels = tuple[tuple[str, ...], ...]


@options
class GateConfig:
    """Options of the gate."""

    seeds: tuple[int, ...] = (0, 1, 2)
    """Trainings of each cell."""
    factor: Positive = 2.0
    """Standard errors of a difference that are noise."""


def read(values: dict[str, Any], trials: Sequence[Trial], at: Place) -> Gate | None:
    """The gate of a study with these trials of one of its methods.

    None where there are no reference cells for its space.
    """
    first = trials[0]
    rest = {key: v for key, v in values.items() if key not in ("cells", "levels", "evaluation")}
    config = build(GateConfig, rest, at)
    if len(config.seeds) < 2 or not are_seeds(config.seeds):
        rule = f"must be at least two, to know the noise, {SEEDS_RULE}"
        raise (at / "seeds").wrong(list(config.seeds), rule)
    if "cells" in values or "levels" in values:
        cells, levels = _cells(values, first.space, at)
    else:
        cells, levels = reference_cells(first.space)
    if len(levels) < 2:
        return None
    settings = [
        dataclasses.replace(
            trial,
            method="fixed",
            # what a search finds plays no part: only the bits of a training depend on its threads
            search=SearchConfig(threads=first.search.threads, rate_cap=1.0),
            evaluation=_training(values.get("evaluation"), trial, at / "evaluation"),
            source=None,
        )
        for trial in {trial.dataset: trial for trial in trials}.values()
    ]
    trainings = tuple(
        dataclasses.replace(setting, label=name, seed=seed, options={"genotype": text})
        for seed in config.seeds
        for setting in settings
        for name, text in cells.items()
    )
    return Gate(cells, levels, config.factor, trainings)


def _cells(values: dict[str, Any], space: SpaceConfig, at: Place) -> tuple[dict[str, str], Levels]:
    cells = (at / "cells").mapping(values.get("cells"))
    if not cells:
        raise (at / "cells").error("must name the cells of gate.levels")
    for name, text in cells.items():
        if not FILE_SAFE.fullmatch(name):
            raise (at / "cells" / name).error(f"the name {SAFE_RULE}")
        try:
            space.check(Genotype.from_text(str(text)))
        except ValueError as error:
            raise (at / "cells" / name).error(str(error)) from error
    levels: Any = values.get("levels")
    right = isinstance(levels, list) and all(isinstance(one, list) and one for one in levels)
    named = [str(name) for level in levels for name in level] if right else []
    if sorted(named) != sorted(cells) or len(levels) < 2:
        rule = "must be at least two lists, best first, that together name every cell once"
        raise (at / "levels").wrong(levels, f"{rule}: {', '.join(cells)}")
    ordered = tuple(tuple(map(str, level)) for level in levels)
    return {name: str(text) for name, text in cells.items()}, ordered


def _training(options: object, trial: Trial, at: Place) -> EvaluationConfig:
    """The study's own evaluation, or one at the search's scale, with the section's options."""
    space, search = trial.space, trial.search
    if isinstance(trial.evaluation, TabularConfig):
        base = EvaluationConfig(
            epochs=search.epochs,
            batch_size=search.batch_size,
            cells=space.cells,
            channels=space.channels,
            drop_path=0.0,
            auxiliary_weight=0.0,
            cutout=search.cutout,
            precision=search.precision,
        )
    else:  # validation images decide
        base = dataclasses.replace(trial.evaluation, train_on="train", uncertainty=None)
    changed = at.mapping(options)
    if changed.get("uncertainty") is not None:
        raise (at / "uncertainty").error("the gate looks at accuracies alone; leave it out")
    if changed.get("parameters") is not None:  # in place of the study's channels
        base = dataclasses.replace(base, channels=CHANNELS)
    config = build(EvaluationConfig, {**dataclasses.asdict(base), **changed}, at)
    if config.train_on != "train":
        rule = "must be train, since the gate looks at validation images"
        raise (at / "train_on").wrong(config.train_on, rule)
    return config


def reference_cells(space: SpaceConfig) -> tuple[dict[str, str], Levels]:
    """Cells of obviously different quality in a space; nothing where none are known.

    NAS-Bench-201: its best cell on CIFAR-100, and cells of 3x3 convolutions, 1x1 convolutions, skip
    connections and average pooling alone (on CIFAR-10, after 200 epochs, the table has 91.6, 90.2,
    86.5, 39.8 and 37.4 % for them). DARTS cells: separable convolutions before what has no
    parameters.
    """
    if isinstance(space, NasBench201Config):
        cells = {f"all-{name}": _everywhere(name) for name in space.operations if name != "none"}
        cells["best"] = BEST_NAS_BENCH_201
        order: Levels = (
            ("best", "all-nor_conv_3x3"),
            ("all-nor_conv_1x1",),
            ("all-skip_connect", "all-avg_pool_3x3"),
        )
    elif space.choices("normal") is not None:
        return {}, ()
    else:
        cells = {f"all-{name}": _darts(name, space.nodes) for name in space.operations}
        cells.pop("all-none", None)
        order = (("all-sep_conv_3x3",), ("all-skip_connect", "all-max_pool_3x3", "all-noise"))
    levels = tuple(tuple(name for name in level if name in cells) for level in order)
    levels = tuple(level for level in levels if level)
    return {name: cells[name] for level in levels for name in level}, levels


BEST_NAS_BENCH_201 = (
    "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|"
    "+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|"
)


def _everywhere(name: str) -> str:
    return "+".join(
        "|" + "|".join(f"{name}~{source}" for source in range(node + 1)) + "|" for node in range(3)
    )


def _darts(name: str, nodes: int) -> str:
    cell = tuple(((name, 0), (name, 1)) for _ in range(nodes))
    return Genotype("darts", {"normal": cell, "reduce": cell}).to_darts_text()
