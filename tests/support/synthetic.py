"""Studies of made-up records, a pure function of a seed: for tests of the analyses."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from bench.records.facts import StudyFacts
from bench.records.schema import FailedRecord, FinishedRecord, parse, plain
from bench.space.config import DARTS_OPERATIONS
from bench.space.genotype import Genotype
from support import records as support

Generator = np.random.Generator
R = TypeVar("R", FinishedRecord, FailedRecord)


def facts(labels: Sequence[str], datasets: Sequence[str] = ("digits",), **more: Any) -> StudyFacts:
    """What `bench` tells the analyses about a study; the first method is the baseline."""
    return StudyFacts(
        **{
            "name": "synthetic",
            "description": "Made-up records for tests",
            "baseline": labels[0],
            "labels": tuple(labels),
            "datasets": tuple(datasets),
        }
        | more
    )


def genotype(
    generator: Generator, nodes: int = 2, pairs: int = 2, favour: float = 0.0
) -> dict[str, Any]:
    """A random DARTS genotype; `favour` in [0, 1] is the probability of a forced skip_connect."""
    operations = [name for name in DARTS_OPERATIONS if name != "none"]
    cells: dict[str, Any] = {}
    for key in ("normal", "reduce"):
        cells[key] = []
        for node in range(nodes):
            candidates = [(name, source) for source in range(node + 2) for name in operations]
            drawn = generator.choice(len(candidates), size=pairs, replace=False)
            chosen = {
                ("skip_connect", candidates[index][1])
                if generator.random() < favour
                else candidates[index]
                for index in drawn
            }
            cells[key].append([list(pair) for pair in sorted(chosen, key=lambda pair: pair[::-1])])
    return Genotype.from_json({"space": "darts", "cells": cells}).to_json()


def record(
    label: str = "darts",
    dataset: str = "digits",
    seed: int = 0,
    *,
    accuracy: float | None = None,
    found: Mapping[str, Any] | None = None,
    nodes: int = 2,
    pairs: int = 2,
    epochs: int = 8,
    zeroed: float = 0.0,
    drift: float = 0.0,
    changes: Mapping[str, Any] | None = None,
) -> FinishedRecord:
    """A finished trial's record, a pure function of its arguments.

    found: the genotype, else a random one; zeroed: share of the parameters that the method sets to
    zero; drift: how surely the search ends in skip_connect everywhere; changes: as in `change`.
    """
    identity = hashlib.sha256(f"{label}/{dataset}/{seed}".encode()).hexdigest()
    generator = np.random.default_rng(int(identity[:8], 16))
    history = [
        {
            "epoch": epoch,
            "seconds": 1.0,
            "terms": {"weights.cross_entropy": 2.0 / epoch},
            "metrics": {"train_accuracy": 1 - 1 / (epoch + 1)},
            "genotype": genotype(generator, nodes, pairs, drift * epoch / epochs),
        }
        for epoch in range(1, epochs + 1)
    ]
    final = dict(
        found or (history[-1]["genotype"] if history else genotype(generator, nodes, pairs))
    )
    exact = 0.95 + 0.03 * float(generator.random()) if accuracy is None else accuracy
    layers = _layers(Genotype.from_json(final), generator, zeroed)
    total = sum(layer["parameters"] for layer in layers)
    test = {"accuracy": exact, "nll": 0.12, "images": 360}
    values = {
        "trial.id": identity,
        "trial.search_id": identity,
        "configuration": {
            "method": {},
            "data": {"name": dataset},
            "space": {"name": "darts", "operations": list(DARTS_OPERATIONS), "nodes": nodes},
            "search": {"epochs": epochs, "threads": 1},
            "evaluation": {"epochs": 10, "cells": 3},
        },
        "genotype": final,
        "genotype_digest": Genotype.from_json(final).digest,
        "selection": {"rule": "top2"},
        "search.epochs": history,
        "search.seconds": 12.5 + seed,
        "evaluation": {
            "epochs": [],
            "seconds": 10.25 + seed,
            "peak_memory_bytes": 10**8,
            "test": test,
            "validation": test,
            "test_before_zeroing": {**test, "accuracy": exact + 0.004 * (zeroed > 0)},
            "parameters": total,
            "nonzero_parameters": total - sum(layer["zeros"] for layer in layers),
            "flops": 20 * total,
            "layers": layers,
        },
        "provenance.git_commit": "0123456789abcdef0123456789abcdef01234567",
    }
    method = label.split("-")[0]
    start = support.finished(label, seed, method=method, dataset=dataset, study="synthetic")
    return change(start, values | dict(changes or {}))


def records(
    labels: Mapping[str, float],
    datasets: Sequence[str] = ("digits",),
    seeds: int = 3,
    **options: Any,
) -> list[FinishedRecord]:
    """Records of several methods; `labels` gives the share of parameters that each zeroes."""
    return [
        record(label, dataset, seed, zeroed=zeroed, **options)
        for dataset in datasets
        for label, zeroed in labels.items()
        for seed in range(seeds)
    ]


def with_accuracies(
    label: str,
    accuracies: Sequence[float],
    dataset: str = "digits",
    changes: Mapping[str, Any] | None = None,
) -> list[FinishedRecord]:
    """Records of one method, a seed for each accuracy (fraction)."""
    return [
        record(label, dataset, seed, accuracy=accuracy, changes=changes)
        for seed, accuracy in enumerate(accuracies)
    ]


def change(record: R, changes: Mapping[str, Any]) -> R:
    """The record with other values, one after another, checked by the schema.

    changes: by dotted path, in which numbers are places in lists: "search.epochs.0.diagnostics".
    """
    values = copy.deepcopy(plain(record))
    for path, value in changes.items():
        *parents, name = path.split(".")
        place: Any = values
        for parent in parents:
            place = place[int(parent)] if isinstance(place, list) else place[parent]
        place[int(name) if isinstance(place, list) else name] = copy.deepcopy(value)
    changed = parse(values, "changed for a test")
    assert type(changed) is type(record)
    return changed


def _layers(found: Genotype, generator: Generator, zeroed: float) -> list[dict[str, Any]]:
    layers = [("stem", "stem", 432)]
    darts = ("normal", "reduce", "normal")
    for cell, kind in enumerate(darts if set(darts) <= set(found.cells) else found.cells):
        layers += [(f"cells.{cell}.preprocess0", "preprocess", 256)]
        for node, pairs in enumerate(found.cells[kind]):
            for index, (operation, _) in enumerate(pairs):
                size = 900 if "conv" in operation else 0
                layers.append((f"cells.{cell}.ops.{node}.{index}", operation, size))
    layers.append(("classifier", "classifier", 490))
    return [
        {
            "name": name,
            "operation": operation,
            "parameters": size,
            "zeros": int(size * zeroed * generator.random()) if "conv" in operation else 0,
        }
        for name, operation, size in layers
    ]
