"""Records whose accuracies were looked up in a table of all architectures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bench.records.schema import FinishedRecord
from support import synthetic


def truth(accuracy: float, percentile: float) -> dict[str, Any]:
    """What a table knows of a cell; the best cell has an accuracy of 0.95."""
    return {
        "accuracy": accuracy, "deviation": 0.01, "seeds": 3, "rank": 7, "regret": 0.95 - accuracy,
        "percentile": percentile, "percentile_without_none": percentile - 5,
    }  # fmt: skip


def source(name: str) -> dict[str, Any]:
    """Where a table's numbers come from."""
    return {
        "provider": "made-up", "dataset": name, "split": "validation", "epochs": 200,
        "images": 5000, "cells": 15625, "text": f"validation accuracy on {name}, made up",
    }  # fmt: skip


def record(
    label: str = "darts",
    seed: int = 0,
    accuracies: tuple[float, ...] = (0.9, 0.8),
    names: tuple[str, ...] = ("cifar10", "cifar100"),
) -> FinishedRecord:
    """A trial that selected cells of these accuracies, epoch by epoch; the last is the result."""

    def of_all(accuracy: float) -> dict[str, Any]:
        return {name: truth(accuracy, 100 * accuracy - 40) for name in names}

    changes: dict[str, Any] = {
        "evaluation.kind": "tabular",
        "evaluation.dataset": names[0],
        "evaluation.truth": of_all(accuracies[-1]),
        "evaluation.sources": {name: source(name) for name in names},
    }
    for epoch, accuracy in enumerate(accuracies):
        changes[f"search.epochs.{epoch}.truth"] = of_all(accuracy)
    given = {"epochs": len(accuracies), "accuracy": accuracies[-1]}
    return synthetic.record(label, seed=seed, changes=changes, **given)


def black_box(steps: Sequence[tuple[int, float]], total: int, seed: int = 0) -> FinishedRecord:
    """A search that trained `total` architectures, one after another.

    steps: (number of trainings, known accuracy of the best then), for each improvement.
    """
    trajectory = [
        {
            "architectures": architectures,
            "accuracy": accuracy - 0.01,
            "seconds": 10.0 * architectures,
            "genotype": synthetic.record().genotype,
            "truth": {"cifar10": truth(accuracy, 50)},
        }
        for architectures, accuracy in steps
    ]
    selection = {
        "rule": "best of trained",
        "asks": "validation accuracy of one training, made up",
        "architectures": total,
        "table_seconds": 10.0 * total,
        "trajectory": trajectory,
    }
    found = record("evolution", seed, accuracies=(steps[-1][1],))
    return synthetic.change(found, {"search.epochs": [], "selection": selection})
