"""The trial that a record is of, from the record alone: its configuration is the whole of it."""

from __future__ import annotations

import json
from typing import Any

from bench import ENGINE_VERSION, plugins
from bench.data import registry
from bench.data.config import DataConfig
from bench.errors import ConfigurationError
from bench.options import resolved, settable, with_former
from bench.records.schema import FinishedRecord
from bench.space import registry as spaces
from bench.space.config import SpaceConfig
from bench.study.model import Trial
from bench.study.sections import read_evaluation, read_space
from bench.study.validation import Place, build
from bench.training.config import SearchConfig

SECTIONS = ("data", "space", "method", "search", "evaluation")
"""Of every trial's configuration."""


def restore(record: FinishedRecord, where: str) -> Trial:
    """The record's trial, to be run by the code that is here; `where` names the record.

    Raises ConfigurationError, in one line, where a section of the configuration is missing, where
    its method or data set is not known here, or where an option is not one of this engine's; then
    the line names the code that knows it.
    """
    place = Place(f"record {where}")
    identity, configuration = record.trial, record.configuration
    for section in SECTIONS:
        if not isinstance(configuration.get(section), dict):
            raise ConfigurationError(f"{place.file} is damaged: configuration.{section} is missing")
    try:
        data = build(DataConfig, configuration["data"], place / "data")
    except ConfigurationError as error:
        raise ConfigurationError(f"{error}; {_name_code(record)}") from error
    try:
        method = plugins.load_method(identity.method)
        registry.check(data)
    except ConfigurationError as error:
        raise ConfigurationError(f"{place.file}: {error}") from error
    try:
        space = _restore_space(configuration["space"], place / "space")
        named = with_former(method.Config, configuration["method"])
        options: Any = build(method.Config, named, place / "method")
        budget = with_former(SearchConfig, configuration["search"])
        return Trial(
            study=identity.study,
            label=identity.label,
            method=identity.method,
            dataset=identity.dataset,
            seed=identity.seed,
            options=json.loads(json.dumps(resolved(options))) | configuration["method"],
            data=data,
            space=space,
            search=build(SearchConfig, budget, place / "search"),
            evaluation=read_evaluation(configuration["evaluation"], space, place / "evaluation"),
            evaluation_options=configuration.get("method_in_evaluation", {}),
            tuning=None if record.tuning is None else record.tuning.model_dump(),
            source=None if record.source is None else record.source.model_dump(),
        )
    except ConfigurationError as error:
        raise ConfigurationError(f"{error}; {_name_code(record)}") from error


def _restore_space(values: dict[str, Any], at: Place) -> SpaceConfig:
    name = str(values.get("name"))
    own = settable(spaces.config(name), values) if name in spaces.names() else values
    return read_space(own, at)


def list_assumed_options(record: FinishedRecord, trial: Trial) -> dict[str, Any]:
    """Options that the record does not name, as older code did not have them: name -> value.

    Only where they make it another trial: others say how it is run.
    """
    if trial.id == record.trial.id:
        return {}
    return {
        f"{section}.{name}": value
        for section, values in trial.configuration().items()
        for name, value in values.items()
        if name not in record.configuration.get(section, {})
    }


def _name_code(record: FinishedRecord) -> str:
    """Which code knows the options of a record."""
    origin = record.provenance
    made = f"it was made by engine version {origin.engine_version}, this is {ENGINE_VERSION}"
    if origin.git_commit is None:
        return f"{made}; install bench {origin.version} as it was on {origin.started[:10]}"
    return f"{made}; `git checkout {origin.git_commit}` has the code that made it"
