"""The section `evaluation.uncertainty`: what can be wrong in it before any image is read."""

from __future__ import annotations

from collections.abc import Iterable

from bench.data import registry
from bench.data.config import DataConfig
from bench.errors import ConfigurationError
from bench.study.model import Trial
from bench.study.validation import Place, build
from bench.tabular.config import TabularConfig
from bench.training.config import EvaluationConfig, UncertaintyConfig


def check(values: object, at: Place) -> None:
    """Raise ConfigurationError, in one line, unless the section is null or can be meant."""
    if values is None:
        return
    config = build(UncertaintyConfig, values, at)
    if config.outside is not None:
        try:
            registry.check(DataConfig(name=config.outside))
        except ConfigurationError as error:
            raise (at / "outside").error(str(error)) from error


def refuse_own(
    evaluation: EvaluationConfig | TabularConfig, datasets: Iterable[DataConfig], at: Place
) -> None:
    """Raise ConfigurationError where the outside images are those of one of the data sets."""
    config = getattr(evaluation, "uncertainty", None)
    if config is not None and config.outside in {data.name for data in datasets}:
        raise at.wrong(config.outside, "must be another data set than those of the study")


def outside_of(trial: Trial) -> str | None:
    """The data set whose images the trial's network should not be sure of, or None."""
    config = getattr(trial.evaluation, "uncertainty", None)
    return None if config is None else config.outside
