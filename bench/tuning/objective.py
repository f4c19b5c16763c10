"""What tuning maximises: validation accuracy of found architectures, trained from scratch.

Everything here is handed `SearchData`, which has no test part.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.data.splits import SearchData
from bench.run.trial import evaluation_method
from bench.seeds import derive
from bench.space.genotype import Genotype
from bench.study.model import Trial
from bench.training.config import EvaluationConfig
from bench.training.discrete import EvaluationArguments, Training, prepare
from bench.training.measure import layer_table
from bench.training.trainer import NonFiniteLoss
from bench.tuning.plan import Diverged, Outcome, Report
from bench.tuning.space import Values, apply

SETTLING = 2048
"""Training images that a method may use before a measurement between epochs."""


@dataclass(frozen=True)
class Found:
    """An architecture, and the trial that found it."""

    trial: Trial
    genotype: Genotype


@dataclass(frozen=True)
class Validation:
    """Trains each architecture with a setting and measures it on validation images.

    The architectures are trained one after another for `epochs` each; after every epoch the mean
    over those that are finished and the one under way is reported, so that a setting can be pruned
    before it has seen them all. Every setting has the same seeds, which are not the study's.
    """

    found: Sequence[Found]
    data: Mapping[str, SearchData]
    epochs: int

    @property
    def steps(self) -> int:
        """Reports of a setting that is not pruned."""
        return len(self.found) * self.epochs

    def __call__(self, values: Values, report: Report) -> Outcome:
        """(mean accuracy, mean non-zero parameters). Raises Diverged."""
        rows: list[dict[str, Any]] = []
        for index, found in enumerate(self.found):
            before = [row["accuracy"] for row in rows]

            def reached(
                epoch: int,
                accuracy: float,
                before: Sequence[float] = before,
                first: int = index * self.epochs,
            ) -> None:
                report(first + epoch, (sum(before) + accuracy) / (len(before) + 1))

            try:
                rows.append(self._train(found, values, reached))
            except NonFiniteLoss as error:
                raise Diverged(f"{found.trial}: {error}") from error
        count = len(rows)
        means = tuple(sum(row[k] for row in rows) / count for k in ("accuracy", "nonzero"))
        return Outcome(means, {"architectures": rows})

    def _train(self, found: Found, values: Values, reached: Report) -> dict[str, Any]:
        started = time.perf_counter()
        trial = found.trial
        data = self.data[trial.dataset]
        training = self._prepare(found, values, data, reached)
        training.trainer.run()
        training.settle()
        training.zero()
        quality = training.measure(data.validation)
        layers = layer_table(training.network)
        return {
            "trial": trial.id,
            "accuracy": quality["accuracy"],
            "nll": quality["nll"],
            "parameters": sum(row["parameters"] for row in layers),
            "nonzero": sum(row["parameters"] - row["zeros"] for row in layers),
            "seconds": time.perf_counter() - started,
        }

    def _prepare(self, found: Found, values: Values, data: SearchData, reached: Report) -> Training:
        trial = found.trial
        config, own = settings(trial, values, self.epochs)
        held: list[Training] = []

        def report(epoch: int, metrics: Mapping[str, float]) -> None:
            (training,) = held
            training.settle(SETTLING)
            reached(epoch, float(training.measure(data.validation)["accuracy"]))

        arguments = EvaluationArguments(
            genotype=found.genotype,
            method=evaluation_method(trial, data, own),
            config=config,
            data=data,
            augmentation=trial.data,
            seed=derive("tuning", trial.seed),
        )
        held.append(prepare(arguments, report))
        return held[0]


def settings(
    trial: Trial, values: Values, epochs: int
) -> tuple[EvaluationConfig, dict[str, float | int]]:
    """(evaluation on training images alone, options of the method) of a trial with the values."""
    assert isinstance(trial.evaluation, EvaluationConfig)  # bench.tuning.session has looked
    config, own = apply(trial.evaluation, values, epochs)
    return dataclasses.replace(config, train_on="train"), own
