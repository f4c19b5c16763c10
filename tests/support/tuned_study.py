"""A study whose architectures are tuned in seconds, with records made up beforehand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.records.store import Store
from bench.study.file import load
from bench.study.model import Study
from bench.tuning.session import Settings
from support import tiny_trials

TEXT = """\
name: tuned
methods: [random]
datasets: [digits]
seeds: [0, 1]
data: {train_limit: 100, test_limit: 20}
space: {operations: [none, max_pool_3x3, skip_connect, sep_conv_3x3, dil_conv_3x3], nodes: 2}
search: {epochs: 1}
evaluation: {epochs: 2, batch_size: 32, cells: 3, channels: 2, auxiliary_weight: 0.0}
"""


def make(folder: Path, *overrides: str) -> tuple[Study, Store]:
    """The study and its store; every trial has a record."""
    path = folder / "tuned.yaml"
    path.write_text(TEXT, encoding="utf-8")
    study, store = load(str(path), overrides), Store(folder / "results" / "tuned")
    for trial in study.trials:
        store.write(tiny_trials.record(trial), [])
    return study, store


def settings(**changes: Any) -> Settings:
    """Four settings, of one parameter, without pruning; MLflow is not there."""
    few: dict[str, Any] = {"trials": 4, "only": ("learning_rate",), "pruner": "none"}
    away = {"device": "cpu", "tracking_uri": "http://127.0.0.1:9"}
    return Settings(**{**few, **away, **changes})


def write_nothing(folder: Path, tuning: Mapping[str, Any]) -> Sequence[Path]:
    """In place of tables; says that it was called."""
    print("tables")
    return []
