"""Synthetic records, for tests of what reads records: plain data, or the typed objects."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from bench import ENGINE_VERSION
from bench.records import schema
from bench.records.schema import FailedRecord, FinishedRecord

R = TypeVar("R", FinishedRecord, FailedRecord)

STARTED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
OPERATIONS = ("none", "max_pool_3x3", "skip_connect", "sep_conv_3x3", "dil_conv_3x3")


def record(
    label: str = "vinnas",
    seed: int = 0,
    *,
    method: str | None = None,
    dataset: str = "digits",
    study: str = "quickstart",
    search_epochs: int = 3,
    evaluation_epochs: int = 4,
    failed_in: str | None = None,
) -> dict[str, Any]:
    """A record as plain data, with plausible numbers, a pure function of the arguments.

    `failed_in` is None or the stage ("data", "search", "evaluation") in which the trial failed;
    what comes after it is null.
    """
    draw = random.Random(f"{label}-{dataset}-{seed}")
    configuration = {
        "method": {"order": 1, "learning_rate": 0.025, "betas": [0.5, 0.999], "warm_up": None},
        "data": {"name": dataset, "split_seed": 0, "validation_fraction": 0.2, "flip": False},
        "space": {"name": "darts", "operations": list(OPERATIONS), "nodes": 2, "cells": 3},
        "search": {"epochs": search_epochs, "batch_size": 64, "precision": "float32"},
        "evaluation": {"epochs": evaluation_epochs, "batch_size": 96, "cells": 3, "channels": 8},
    }
    identity = json.dumps([label, dataset, seed, study, configuration], sort_keys=True)
    order = ["data", "search", "evaluation", None]
    reached = order.index(failed_in)
    genotype = _genotype(draw)
    search = _stage(draw, search_epochs, "architecture.cross_entropy", genotype)
    evaluation = _stage(draw, evaluation_epochs, "weights.cross_entropy", None)
    parameters = draw.randrange(20_000, 90_000)
    accuracy = 0.93 + 0.06 * draw.random()
    evaluation |= {
        "test": {"accuracy": accuracy, "nll": 1.4 * (1 - accuracy), "images": 360},
        "validation": {"accuracy": accuracy - 0.004, "nll": 0.1, "images": 287},
        "test_before_zeroing": {"accuracy": accuracy, "nll": 1.4 * (1 - accuracy), "images": 360},
        "parameters": parameters,
        "nonzero_parameters": int(parameters * (0.6 if label == "vinnas" else 1)),
        "flops": parameters * 130,
        "layers": [
            {"name": "stem.0", "operation": "stem", "parameters": 144, "zeros": 0},
            {
                "name": "cells.0.ops.1.0",
                "operation": "sep_conv_3x3",
                "parameters": parameters - 144,
                "zeros": int((parameters - 144) * (0.4 if label == "vinnas" else 0)),
            },
        ],
    }
    seconds = sum(
        stage["seconds"] for stage in (search, evaluation)[: max(0, reached - 1)] if stage
    )
    started = STARTED + timedelta(minutes=7 * seed)
    values = {
        "schema": 1,
        "trial": {
            "id": hashlib.sha256(identity.encode()).hexdigest(),
            "search_id": hashlib.sha256(b"search" + identity.encode()).hexdigest(),
            "study": study,
            "label": label,
            "method": method or label,
            "dataset": dataset,
            "seed": seed,
        },
        "configuration": configuration,
        "status": "failed" if failed_in else "finished",
        "error": {
            "stage": failed_in,
            "type": "NonFiniteLoss",
            "message": "the loss of phase 'weights' is nan in epoch 2",
            "traceback": "Traceback (most recent call last):\n  ...\n",
        }
        if failed_in
        else None,
        "genotype": genotype if reached > 1 else None,
        "genotype_digest": _digest(genotype) if reached > 1 else None,
        "selection": {"rule": "snr", "alive": 9, "forced": 1} if reached > 1 else None,
        "search": search if reached > 1 else None,
        "evaluation": evaluation if reached > 2 else None,
        "data": {
            "name": dataset,
            "digest": hashlib.sha256(dataset.encode()).hexdigest(),
            "train": 1150,
            "validation": 287,
            "test": 360,
            "classes": 10,
            "shape": [1, 8, 8],
        }
        if reached > 0
        else None,
        "environment": {
            "device": "cpu",
            "hardware": "AMD EPYC, 2 cores",
            "threads": 1,
            "python": "3.11.7",
            "platform": "Linux-6.1-x86_64",
            "packages": {"torch": "2.15.0", "numpy": "2.4.0"},
        },
        "provenance": {
            "git_commit": "24a7de7d1f2b3c4d5e6f708192a3b4c5d6e7f809",
            "git_dirty": False,
            "version": "0.1.0",
            "engine_version": ENGINE_VERSION,
            "started": started.isoformat(),
            "finished": (started + timedelta(seconds=seconds + 1)).isoformat(),
            "command": f"bench run {study}",
        },
    }
    schema.parse(values, "made for a test")
    return values


def finished(label: str = "vinnas", seed: int = 0, **options: Any) -> FinishedRecord:
    """`record` of a finished trial, as an object."""
    made = schema.parse(record(label, seed, **options), "made for a test")
    assert isinstance(made, FinishedRecord)
    return made


def failed(stage: str, label: str = "vinnas", seed: int = 0, **options: Any) -> FailedRecord:
    """`record` of a trial that failed in a stage, as an object."""
    made = schema.parse(record(label, seed, failed_in=stage, **options), "made for a test")
    assert isinstance(made, FailedRecord)
    return made


def changed(record: R, changes: Mapping[str, Any]) -> R:
    """A record with other values; mappings are merged, at any depth."""
    made = schema.parse(merged(schema.plain(record), changes), "changed for a test")
    assert type(made) is type(record)
    return made


def merged(values: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Plain data with other values; mappings are merged, at any depth."""
    both = dict(values)
    for key, value in changes.items():
        inner = both.get(key)
        nested = isinstance(value, Mapping) and isinstance(inner, Mapping)
        both[key] = merged(inner, value) if nested else value
    return both


def _genotype(draw: random.Random) -> dict[str, Any]:
    def node(index: int) -> list[list[Any]]:
        sources = sorted(draw.sample(range(2 + index), 2))
        return [[draw.choice(OPERATIONS[1:]), source] for source in sources]

    return {"space": "darts", "cells": {key: [node(0), node(1)] for key in ("normal", "reduce")}}


def _digest(genotype: dict[str, Any]) -> str:
    text = json.dumps(genotype, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _stage(
    draw: random.Random, epochs: int, term: str, genotype: dict[str, Any] | None
) -> dict[str, Any]:
    rows = []
    for epoch in range(1, epochs + 1):
        loss = 2.3 * 0.8**epoch + 0.05 * draw.random()
        row: dict[str, Any] = {
            "epoch": epoch,
            "seconds": round(1 + 0.2 * draw.random(), 3),
            "terms": {term: loss, "weights.kl": 0.1 * loss},
            "metrics": {"train_accuracy": 1 - loss / 2.4, "validation_accuracy": 1 - loss / 2.3},
        }
        if genotype is not None:
            row["genotype"] = genotype
        rows.append(row)
    return {
        "epochs": rows,
        "seconds": round(sum(row["seconds"] for row in rows), 3),
        "peak_memory_bytes": 210 * 2**20 + draw.randrange(2**20),
        "steps": 18 * epochs,
    }
