"""A small study and its made-up results, for studies that evaluate the cells that it found."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.records.schema import FinishedRecord
from bench.records.store import Store
from support import synthetic

TRANSFER = """\
name: moved
architectures: {from: found}
datasets: [digits]
seeds: [0, 1]
space: {nodes: 2, cells: 3, channels: 2}
evaluation:
  {epochs: 1, batch_size: 32, cells: 3, channels: 2, drop_path: 0.0, cutout: 0,
  auxiliary_weight: 0.0}
data: {train_limit: 120, test_limit: 60}
"""

VALIDATION = {"darts": (0.90, 0.95, 0.95), "gdas": (0.8, 0.7, 0.6)}
"""By label, the validation accuracy of each seed: the best of darts is seed 1, of gdas seed 0."""


def cell(seed: int) -> dict[str, Any]:
    """Another genotype for each number."""
    operations = ("sep_conv_3x3", "dil_conv_3x3", "max_pool_3x3", "skip_connect", "sep_conv_5x5")
    name = operations[seed % len(operations)]
    other = operations[seed // len(operations) % len(operations)]
    node = [[name, 0], [other, 1]]
    return {"space": "darts", "cells": {"normal": [node, node], "reduce": [node, node]}}


def record(label: str, seed: int, validation: float | None, **more: Any) -> FinishedRecord:
    """A finished trial whose test accuracy says the opposite of its validation accuracy."""
    quality = None if validation is None else {"accuracy": validation, "nll": 0.1, "images": 100}
    number = seed if label == "darts" else 5 + seed
    changes: Mapping[str, Any] = {
        "evaluation.validation": quality,
        "evaluation.test": {"accuracy": 1 - (validation or 0.5), "nll": 0.1, "images": 100},
        **more.pop("changes", {}),
    }
    return synthetic.record(label, seed=seed, found=cell(number), changes=changes, **more)


def write(results: Path, *, labels: Mapping[str, tuple[float | None, ...]] = VALIDATION) -> Store:
    """The results of a study `found` in results/found."""
    store = Store(results / "found")
    for label, accuracies in labels.items():
        for seed, validation in enumerate(accuracies):
            store.write(record(label, seed, validation), ())
    return store
