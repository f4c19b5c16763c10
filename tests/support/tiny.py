"""Real trials in a second or two: 200 digits, two nodes, three cells, two channels."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from bench import plugins
from bench.data.config import DataConfig
from bench.records import schema
from bench.records.schema import RunRecord
from bench.run.messages import Done, EpochDone
from bench.run.trial import run_trial
from bench.space.config import SpaceConfig
from bench.study.model import Trial
from bench.training.config import EvaluationConfig, SearchConfig

CPU = torch.device("cpu")
OPERATIONS = ("none", "max_pool_3x3", "skip_connect", "sep_conv_3x3", "dil_conv_3x3")
DATA = DataConfig(name="digits", train_limit=200, test_limit=60, crop_padding=1, flip=True)
SPACE = SpaceConfig(operations=OPERATIONS, nodes=2, cells=3, channels=2)
SEARCH = SearchConfig(epochs=1, batch_size=32, cutout=2)
EVALUATION = EvaluationConfig(
    epochs=1, batch_size=32, cells=3, channels=2, cutout=2, drop_path=0.2, auxiliary_weight=0.0
)


def trial(
    name: str, options: Mapping[str, Any] | None = None, *, seed: int = 0, **changes: Any
) -> Trial:
    """`options` of the method; `changes` to data, space, search, evaluation, as dictionaries."""
    sections: dict[str, Any] = {
        "data": DATA,
        "space": SPACE,
        "search": SEARCH,
        "evaluation": EVALUATION,
    }
    for key, value in changes.items():
        sections[key] = dataclasses.replace(sections[key], **value)
    few = {"candidates": 6, "candidate_batch": 40} if name == "pgnas" else {}
    config = plugins.load_method(name).Config(**{**few, **(options or {})})
    return Trial("tiny", name, name, "digits", seed, dataclasses.asdict(config), **sections)


def run(
    chosen: Trial, folder: Path, report: Any = lambda progress: None, device: torch.device = CPU
) -> Done:
    return run_trial(chosen, device=device, data_root=None, folder=folder, report=report)


def lasting(value: Any) -> Any:
    """A record without what may differ between two runs: times, memory, where and when."""
    if isinstance(value, RunRecord):
        return lasting(schema.plain(value))
    if isinstance(value, dict):
        return {
            key: lasting(item)
            for key, item in value.items()
            if key not in ("seconds", "peak_memory_bytes", "environment", "provenance")
            and not key.endswith("_seconds")
        }
    return [lasting(item) for item in value] if isinstance(value, list) else value


class Interruption:
    """A report that stops the process, as Ctrl-C would, after an epoch of a stage."""

    def __init__(self, stage: str, epoch: int) -> None:
        self.at = (stage, epoch)
        self.seen: list[tuple[str, int]] = []

    def __call__(self, progress: EpochDone) -> None:
        if progress.epoch == 0:  # the stage has begun
            return
        self.seen.append((progress.stage, progress.epoch))
        if self.seen[-1] == self.at:
            raise KeyboardInterrupt
