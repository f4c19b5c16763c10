"""Candidates drawn from a posterior, evaluated with inherited weights."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from bench import seeds
from bench.data.splits import Split
from bench.space.mixture import CellMixture, Mixture
from bench.space.supernet import Supernet
from bench.speed.context import Context
from bench.speed.report import Row, Section
from bench.speed.scales import Scale, data_of
from bench.speed.steps import make
from bench.speed.timing import seconds
from bench.training.measure import measure

STUDY = Scale("study", cells=3, channels=8, shape=(1, 14, 14), batch=64, nodes=2)
"""The study fashion-mnist's super-network, with all eight operations."""

CANDIDATES, IMAGES, BATCH = 100, 1000, 250
KEPT = (0.9, 0.5, 0.25)
"""Probabilities with which a candidate keeps an operation: early in a search, later, and as trained
posteriors of the study fashion-mnist draw them (10 operations of 40)."""

FULL, KEPT_ALONE, LANES = (
    "full super-network, one by one",
    "kept operations, one by one",
    "as pgnas does it",
)
TIMED = {FULL: 4, KEPT_ALONE: 8, LANES: CANDIDATES}
"""Of the candidates; the first way costs the same for each, the last depends on their number."""


def candidates(context: Context, scale: Scale) -> list[Row]:
    """Seconds for 100 candidates on 1,000 images: three ways for each share of operations kept.

    One after another through the full super-network (all is computed, then weighted by 0 or 1); one
    after another with only the kept operations computed; and as PGNAS does it
    (`methods.guided.candidates`). Of each way some candidates are timed and the time is scaled.
    """
    number, images = (4, 32) if context.quick else (CANDIDATES, IMAGES)
    timed = {name: min(count, number) for name, count in TIMED.items()}
    step = make("pgnas", scale, context.device)
    validation = data_of(scale, context.device, 1, images).validation
    supernet = step.supernet.eval()
    for parameter in supernet.parameters():
        parameter.requires_grad_(False)
    module = importlib.import_module("methods.guided.candidates")
    rounds = 1 if context.quick else min(3, context.repeats)
    result: list[Row] = []
    for place, probability in enumerate(KEPT):
        drawn = _draw(step, probability, number)
        mixtures = [one.mixture(scale.space.operations, context.device) for one in drawn]
        everything = [_full(mixture) for mixture in mixtures[: timed[FULL]]]
        kept = mixtures[: timed[KEPT_ALONE]]
        lanes = drawn[: timed[LANES]]
        _evaluate(supernet, everything[:1], validation)  # warm-up
        ways: dict[str, Callable[[], object]] = {
            FULL: partial(_evaluate, supernet, everything, validation),
            KEPT_ALONE: partial(_evaluate, supernet, kept, validation),
            LANES: partial(module.accuracies, lanes, supernet, validation, BATCH),
        }
        samples: dict[str, list[float]] = {name: [] for name in ways}
        for turn in range(rounds):
            for name, way in ways.items():
                samples[name].append(number / timed[name] * seconds(way, context.device))
            context.tick((place + (turn + 1) / rounds) / len(KEPT))
        section = Section(f"candidates, keep {probability}", scale.name, FULL)
        for name, values in samples.items():
            note = f"{images} images; from {timed[name]} timed"
            quantity = f"{number} candidates"
            result.append(section.row(name, quantity, values, against=samples[FULL], note=note))
    return result


def _draw(step: Any, probability: float, number: int) -> list[Any]:
    """Hard candidates, each operation kept with the same probability."""
    kind = importlib.import_module("methods.guided.candidates").Candidate
    task = step.method.task
    shape = (len(task.graph.edges), len(task.space.operations))
    generator = seeds.generator("cpu", "speed", "candidates", probability)

    def kept() -> Tensor:
        drawn = torch.rand(shape, generator=generator) < probability
        for column, name in enumerate(task.space.operations):
            if name == "none":
                drawn[:, column] = False
        return drawn

    return [kind({key: kept() for key in task.kinds}, {}) for _ in range(number)]


def _full(mixture: Mixture) -> Mixture:
    return Mixture({key: CellMixture(cell.weights) for key, cell in mixture.cells.items()})


def _evaluate(supernet: Supernet, mixtures: list[Mixture], validation: Split) -> None:
    for mixture in mixtures:
        measure(partial(supernet, mixture=mixture), validation, BATCH)
