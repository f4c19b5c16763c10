"""One setting of a tuning: architectures that were found, trained from scratch and validated.

`measure` is handed `SearchData`, which has no test part.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import torch

from bench.data.config import DataConfig
from bench.data.loading import load
from bench.data.splits import SearchData
from bench.errors import DataError
from bench.run import environment
from bench.run.messages import EpochDone
from bench.run.trial import evaluation_method, make_checkpoint, set_up
from bench.seeds import derive
from bench.space.genotype import Genotype
from bench.study.hyperparameters import Values, apply
from bench.study.model import Trial
from bench.training.config import EvaluationConfig
from bench.training.discrete import EvaluationArguments
from bench.training.evaluation import validate_all
from bench.training.trainer import NonFiniteLoss


class Found(NamedTuple):
    """An architecture, and the trial that found it."""

    trial: Trial
    genotype: Genotype


@dataclass(frozen=True)
class Outcome:
    """What a setting comes to when it is trained to its end.

    values: of the objectives (accuracy, non-zero parameters). steps: what was reported. diverged:
    why the training broke down, a result of the worst kind and no mistake; it has no values.
    """

    values: tuple[float, ...]
    steps: Mapping[int, float]
    seconds: float
    facts: Mapping[str, Any] = field(default_factory=dict)
    diverged: str | None = None


def train_setting(
    found: Sequence[Found],
    values: Values,
    epochs: int,
    digests: Mapping[DataConfig, str],
    *,
    device: torch.device,
    data_root: Path | None,
    folder: Path,
    report: Callable[[EpochDone], None] = lambda progress: None,
) -> Outcome:
    """The job of a worker: train the architectures with a setting.

    digests: of the data sets' images, as they were where the tuning was started. folder: for
    checkpoints. Raises DataError where a data set cannot be read or has other images.
    """
    set_up(found[0].trial.search.threads)
    data = {config: _load(config, data_root, device) for config in digests}
    for config, digest in digests.items():
        if data[config].digest != digest:
            raise DataError(f"{config.name}: other images than where bench tune was started")
    outcome = measure(found, data, values, epochs, folder, report)
    facts = {**outcome.facts, "environment": environment.describe(device)}
    return dataclasses.replace(outcome, facts=facts)


@lru_cache(maxsize=1)
def _load(config: DataConfig, root: Path | None, device: torch.device) -> SearchData:
    """The data without their test part, kept for the worker's next setting."""
    return load(config, root, device).search


def measure(
    found: Sequence[Found],
    data: Mapping[DataConfig, SearchData],
    values: Values,
    epochs: int,
    folder: Path,
    report: Callable[[EpochDone], None],
) -> Outcome:
    """Mean accuracy and non-zero parameters of the architectures, each trained for `epochs`.

    After every epoch the mean so far is reported, so that a setting can be pruned before all are
    trained. Every setting has the same seeds, which are not the study's.
    """
    steps: dict[int, float] = {}
    spent = 0.0

    def reached(step: int, accuracy: float, seconds: float) -> None:
        nonlocal spent
        steps[step], spent = accuracy, seconds
        metrics = {"accuracy": accuracy, "seconds": seconds}
        report(EpochDone("tuning", step, len(found) * epochs, metrics))

    report(EpochDone("tuning", 0, len(found) * epochs))
    trainings = [_configure(one, data, values, epochs) for one in found]
    of = f"{sorted(values.items())} {epochs}"
    checkpoints = [
        make_checkpoint(folder / f"{place}.pt", f"{trial.id} {of}", data[trial.data].train.device)
        for place, (trial, _) in enumerate(found)
    ]
    rows: list[dict[str, Any]] = []
    try:
        for row in validate_all(trainings, reached, checkpoints):
            rows.append({"trial": found[len(rows)].trial.id, **row})
    except NonFiniteLoss as error:
        trial = found[len(rows)].trial
        return Outcome((), steps, spent, diverged=f"{trial}: {error}")
    means = tuple(sum(row[k] for row in rows) / len(rows) for k in ("accuracy", "nonzero"))
    return Outcome(means, steps, spent, {"architectures": rows})


def _configure(
    found: Found, data: Mapping[DataConfig, SearchData], values: Values, epochs: int
) -> EvaluationArguments[SearchData]:
    trial = found.trial
    assert isinstance(trial.evaluation, EvaluationConfig)  # bench.tuning.session has looked
    config, own = apply(trial.evaluation, values, epochs)
    return EvaluationArguments(
        genotype=found.genotype,
        method=evaluation_method(trial, data[trial.data], own),
        config=dataclasses.replace(config, train_on="train"),
        data=data[trial.data],
        augmentation=trial.data,
        seed=derive("tuning", trial.seed),
    )
