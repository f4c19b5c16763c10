"""Hyper-parameters of an evaluation that may be tuned: names, ranges, and what values mean."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.errors import ConfigurationError, suggest
from bench.options import fields, tunable
from bench.study.model import Trial
from bench.training.config import EvaluationConfig

METHOD = "method."
"""Begins the name of a method's own option."""
WARM_UP = "warm_up"
"""A share of the epochs, so that it means the same at another number of them."""

Values = Mapping[str, float | int]


@dataclass(frozen=True)
class Parameter:
    """A number between two ends (inclusive), or one of `choices`; `default` is allowed."""

    name: str
    default: float | int
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    whole: bool = False
    choices: tuple[int, ...] = ()

    def widened(self) -> Parameter:
        """The same with ends that include the default, which is tried first."""
        if self.choices:
            return dataclasses.replace(
                self, choices=tuple(sorted({*self.choices, int(self.default)}))
            )
        if self.log and self.default <= 0:  # not on this scale: half of the lowest is next to it
            return dataclasses.replace(self, log=False, low=0.0)
        low, high = min(self.low, self.default), max(self.high, self.default)
        return dataclasses.replace(self, low=low, high=high)


def parameters(
    trial: Trial, side: int, only: Sequence[str] = (), own: bool = True
) -> tuple[Parameter, ...]:
    """The hyper-parameters of a trial's evaluation; those of its method begin with `method.`.

    side: of the images, pixels. only: names to keep; empty keeps all. own: those of the method
    too. Raises ConfigurationError for an unknown one.
    """
    assert isinstance(trial.evaluation, EvaluationConfig)  # bench.tuning.session has looked
    every = [*_shared(trial.evaluation, side), *(_of_method(trial) if own else [])]
    known = {parameter.name: parameter.widened() for parameter in every}
    if not trial.space.has_auxiliary_head:
        del known["auxiliary_weight"]
    for name in only:
        if name not in known:
            raise ConfigurationError(f"--only {name}: not tuned; {suggest(name, known)}")
    return tuple(known[name] for name in (only or known))


def _shared(config: EvaluationConfig, side: int) -> list[Parameter]:
    """Those that every method has."""
    return [
        Parameter("learning_rate", config.learning_rate, 0.005, 0.3, log=True),
        Parameter("weight_decay", config.weight_decay, 1e-5, 1e-2, log=True),
        Parameter("batch_size", config.batch_size, choices=(32, 64, 96, 128)),
        Parameter("drop_path", config.drop_path, 0.0, 0.3),
        Parameter("auxiliary_weight", config.auxiliary_weight, 0.0, 0.8),
        Parameter("cutout", config.cutout, 0, side // 2, whole=True),
        Parameter("label_smoothing", config.label_smoothing, 0.0, 0.2),
        Parameter(WARM_UP, config.warm_up_epochs / config.epochs, 0.0, 0.25),
    ]


def _of_method(trial: Trial) -> list[Parameter]:
    """The method's own options that are `bench.options.Tunable`."""
    from bench import plugins

    options = {**trial.options, **trial.evaluation_options}
    return [
        Parameter(METHOD + name, options.get(name, field.default), ends.low, ends.high, ends.log)
        for name, field in fields(plugins.load_method(trial.method).Config).items()
        if (ends := tunable(field)) is not None
    ]


def defaults(space: Sequence[Parameter]) -> dict[str, float | int]:
    """The setting that is tried first."""
    return {parameter.name: parameter.default for parameter in space}


def split(values: Values, epochs: int) -> tuple[dict[str, Any], dict[str, float | int]]:
    """(options of an evaluation over so many epochs, options of the method among the values)."""
    shared = {name: value for name, value in values.items() if not name.startswith(METHOD)}
    own = {name.removeprefix(METHOD): v for name, v in values.items() if name.startswith(METHOD)}
    if WARM_UP in shared:
        shared["warm_up_epochs"] = round(shared.pop(WARM_UP) * epochs)
    return shared, own


def apply(
    config: EvaluationConfig, values: Values, epochs: int
) -> tuple[EvaluationConfig, dict[str, float | int]]:
    """(the evaluation with the values, over `epochs`; the method's options among them)."""
    warm_up = {WARM_UP: config.warm_up_epochs / config.epochs}
    changed, own = split({**warm_up, **values}, epochs)
    return dataclasses.replace(config, **changed, epochs=epochs), own
