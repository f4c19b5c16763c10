"""The official NATS-Bench file (topology search space) through the package nats_bench.

The file is named by the variable BENCH_NATS_BENCH (`bench run --nats-bench PATH` sets it): the one
pickle `NATS-tss-v1_0-3ffb9.pickle.pbz2`, or the folder `NATS-tss-v1_0-3ffb9-simple`. Reading all of
it takes minutes and gigabytes, so what is needed of it is kept beside it in a small JSON file.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
from pathlib import Path
from typing import Any

from bench import files
from bench.errors import ConfigurationError, ResultsError
from bench.tabular.config import TabularConfig
from bench.tabular.facts import FACTS, fraction, source
from bench.tabular.table import Table

NAME = "nats-bench"
VARIABLE = "BENCH_NATS_BENCH"

_SETS = {
    ("cifar10", "validation"): ("cifar10-valid", "x-valid"),
    ("cifar10", "test"): ("cifar10", "ori-test"),
    ("cifar100", "validation"): ("cifar100", "x-valid"),
    ("cifar100", "test"): ("cifar100", "x-test"),
    ("ImageNet16-120", "validation"): ("ImageNet16-120", "x-valid"),
    ("ImageNet16-120", "test"): ("ImageNet16-120", "x-test"),
}


def load(config: TabularConfig) -> dict[str, Table]:
    """Data set -> table. Raises ConfigurationError where package, file or numbers are missing."""
    path = _path()
    kept = path.with_name(f"{path.name}.bench-{config.split}-{config.epochs}.json")
    content = _read(kept)
    if content is None:
        content = _collect(path, config)
        with contextlib.suppress(ResultsError):  # a folder that one may not write: read it again
            files.write(kept, json.dumps(content))
    tables = {}
    for dataset in FACTS:
        values = {text: tuple(accuracies) for text, accuracies in content.get(dataset, {}).items()}
        if values:
            tables[dataset] = Table(source(NAME, dataset, config, values), values)
    if not tables:
        raise ConfigurationError(
            f"{NAME}: {path} has no {config.split} accuracies after {config.epochs} epochs"
        )
    return tables


def _path() -> Path:
    named = os.environ.get(VARIABLE)
    if not named:
        raise ConfigurationError(
            "evaluation.provider = nats-bench: name the file with --nats-bench PATH (or the"
            f" variable {VARIABLE})"
        )
    path = Path(named)
    if not path.exists():
        raise ConfigurationError(f"--nats-bench {path}: does not exist")
    return path


def _read(kept: Path) -> dict[str, dict[str, list[float]]] | None:
    try:
        content = json.loads(kept.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def _collect(path: Path, config: TabularConfig) -> dict[str, dict[str, list[float]]]:
    try:
        create = importlib.import_module("nats_bench").create
    except ImportError as error:
        raise ConfigurationError(
            "evaluation.provider = nats-bench: the package is not installed; pip install"
            " 'bench-bayesian-nas[nats-bench]' brings it"
        ) from error
    try:
        api = create(str(path), "topology", fast_mode=path.is_dir(), verbose=False)
    except Exception as error:  # a pickle of another kind can fail in any way
        raise ConfigurationError(
            f"--nats-bench {path}: not a NATS-Bench file: {type(error).__name__}: {error}"
        ) from error
    content: dict[str, dict[str, list[float]]] = {dataset: {} for dataset in FACTS}
    for index, text in enumerate(api.meta_archs):
        try:
            results = api.query_meta_info_by_index(index, str(config.epochs))
        except (ValueError, AssertionError):  # a file of some cells, or of other epochs
            continue
        for dataset in FACTS:
            accuracies = _accuracies(results, dataset, config.split)
            if accuracies:
                content[dataset][text] = accuracies
        if path.is_dir():
            api.arch2infos_dict.pop(index)  # it keeps what it has read
    return content


def _accuracies(results: Any, dataset: str, split: str) -> list[float]:
    """Fractions after the last epoch, one a seed; empty where there are none."""
    name, part = _SETS[dataset, split]
    if name not in results.get_dataset_names():
        return []
    runs = (
        results.get_metrics(name, part, iepoch=None, is_random=seed)
        for seed in results.get_dataset_seeds(name)
    )
    return [fraction(run["accuracy"], dataset, split) for run in runs]
