"""The official NATS-Bench file (topology search space) through the package nats_bench.

The file is named by the variable BENCH_NATS_BENCH (`bench run --nats-bench PATH` sets it): the one
pickle `NATS-tss-v1_0-3ffb9.pickle.pbz2`, or the folder `NATS-tss-v1_0-3ffb9-simple`. Reading all of
it takes minutes and gigabytes, so what is needed of it is kept beside it in a small JSON file: the
reduced copy. It names the files that it was made of (`Origin`); where these are others now, it is
made anew. A benchmark of some cells is used as what it is: a table of so many cells of the space.
"""

from __future__ import annotations

import contextlib
import dataclasses
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


Cells = dict[str, dict[str, list[float]]]
"""Genotype text -> `accuracies` (fractions), one per training, and, where they are known, `seconds`
of the same trainings."""


@dataclasses.dataclass(frozen=True)
class Origin:
    """The benchmark's files: where, how many, bytes together, the last change (ns, Unix time)."""

    path: str
    files: int
    bytes: int
    modified_ns: int

    @classmethod
    def measure(cls, path: Path) -> Origin:
        """Of a file, or of everything in a folder."""
        entries = sorted(path.rglob("*")) if path.is_dir() else [path]
        stats = [entry.stat() for entry in entries if entry.is_file()]
        return cls(
            path=str(path.resolve()),
            files=len(stats),
            bytes=sum(stat.st_size for stat in stats),
            modified_ns=max((stat.st_mtime_ns for stat in stats), default=0),
        )


def load(config: TabularConfig) -> dict[str, Table]:
    """Data set -> table. Raises ConfigurationError where package, file or numbers are missing."""
    path = _path()
    kept = path.with_name(f"{path.name}.bench-{config.split}-{config.epochs}.json")
    origin = dataclasses.asdict(Origin.measure(path))
    content = _read(kept, origin)
    if content is None:
        content = _collect(path, config)
        with contextlib.suppress(ResultsError):  # a folder that one may not write: read it again
            files.write(kept, json.dumps({"origin": origin, "tables": content}))
    tables = {}
    for dataset in FACTS:
        cells = content.get(dataset, {})
        values = {text: tuple(cell["accuracies"]) for text, cell in cells.items()}
        seconds = {t: tuple(cell["seconds"]) for t, cell in cells.items() if "seconds" in cell}
        if values:
            tables[dataset] = Table(source(NAME, dataset, config, values), values, seconds)
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


def _read(kept: Path, origin: dict[str, Any]) -> dict[str, Cells] | None:
    """What a reduced copy has; None where there is none or it was made of other files."""
    try:
        content = json.loads(kept.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(content, dict) or content.get("origin") != origin:
        return None
    tables: dict[str, Cells] = content["tables"]
    return tables


def _collect(path: Path, config: TabularConfig) -> dict[str, Cells]:
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
    content: dict[str, Cells] = {dataset: {} for dataset in FACTS}
    for index, text in enumerate(api.meta_archs):
        try:
            results = api.query_meta_info_by_index(index, str(config.epochs))
        except (ValueError, AssertionError):  # a file of some cells, or of other epochs
            continue
        for dataset in FACTS:
            cell = _cell(results, dataset, config.split)
            if cell:
                content[dataset][text] = cell
        if path.is_dir():
            api.arch2infos_dict.pop(index)  # it keeps what it has read
    return content


def _cell(results: Any, dataset: str, split: str) -> dict[str, list[float]]:
    """What `Cells` has of a cell, after the last epoch; empty where there is nothing."""
    name, part = _SETS[dataset, split]
    seeds = results.get_dataset_seeds(name) if name in results.get_dataset_names() else []
    if not seeds:
        return {}

    def ask(of: str, value: str) -> list[Any]:
        return [results.get_metrics(name, of, iepoch=None, is_random=seed)[value] for seed in seeds]

    cell = {"accuracies": [fraction(percent, dataset, split) for percent in ask(part, "accuracy")]}
    seconds = ask("train", "all_time")
    return cell if None in seconds else {**cell, "seconds": seconds}
