"""The golden studies' trials on a device."""

from __future__ import annotations

import dataclasses
import json
import tomllib
from pathlib import Path
from typing import Any

import torch

from bench import plugins
from bench.errors import BenchError
from bench.records import schema
from bench.records.schema import FinishedRecord
from bench.run.trial import run_trial
from bench.study import file as study_file
from bench.study.model import Trial

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "golden"


def adopt_methods() -> None:
    """Know the methods of the checkout where the project is not installed."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    missing = project["entry-points"][plugins.GROUP].keys() - plugins.list_methods().keys()
    plugins.adopt({name: project["entry-points"][plugins.GROUP][name] for name in missing})


def studies() -> list[str]:
    """The golden studies, the one with every method first."""
    return sorted((path.stem for path in GOLDEN.glob("*.yaml")), key=lambda n: (n != "methods", n))


def load(study: str) -> tuple[tuple[Trial, ...], dict[str, Any]]:
    """The study's trials, and what its golden file says."""
    golden = json.loads((GOLDEN / f"{study}.json").read_text(encoding="utf-8"))
    return study_file.load(str(GOLDEN / f"{study}.yaml")).trials, golden


def like_cpu(trial: Trial) -> Trial:
    """The trial in the memory format of a CPU, in which draws have their order."""
    search = dataclasses.replace(trial.search, channels_last=True)
    if not hasattr(trial.evaluation, "channels_last"):
        return dataclasses.replace(trial, search=search)
    evaluation = dataclasses.replace(trial.evaluation, channels_last=True)
    return dataclasses.replace(trial, search=search, evaluation=evaluation)


def finish(trial: Trial, device: torch.device, folder: Path) -> dict[str, Any]:
    """The record of a trial, as plain data. Raises BenchError for one that failed."""
    done = run_trial(trial, device=device, data_root=None, folder=folder)
    if not isinstance(done.record, FinishedRecord):
        error = done.record.error
        raise BenchError(f"{error.stage}: {error.type}: {error.message}")
    plain: dict[str, Any] = json.loads(json.dumps(schema.plain(done.record)))
    return plain
