"""What a tuning leaves behind: its record (JSON) and the best settings (YAML)."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench import files
from bench.run import environment
from bench.study.model import Study
from bench.study.tuned_settings import settings_text
from bench.tuning.groups import Work
from bench.tuning.plan import DONE, Settings

SCHEMA = 2
RECORD = "tuning.json"
SETTINGS = "settings.yaml"


def record(
    study: Study, settings: Settings, works: Sequence[Work], at_the_end: bool
) -> dict[str, Any]:
    """Everything that tables and figures need, as plain data; importances at the end alone."""
    groups = [_describe(work, at_the_end) for work in works]
    rows = [row for group in groups for row in group["rows"]]
    started = min((row["started"] for row in rows if row["started"]), default="")
    finished = max((row["finished"] for row in rows if row["finished"]), default="")
    return {
        "schema": SCHEMA,
        "study": study.name,
        "per": settings.per,
        "trials": settings.trials,
        "pruner": settings.pruner,
        "objectives": list(settings.objectives),
        "seed": settings.seed,
        "groups": groups,
        "provenance": environment.provenance(started, finished),
    }


def _describe(work: Work, at_the_end: bool) -> dict[str, Any]:
    rows, group, tuner = work.tuner.rows(), work.group, work.tuner
    complete = [row for row in rows if row["values"]]
    # of equal ones the first, so the default if it is among them
    best = max(complete, key=lambda row: row["values"][0], default=None)
    return {
        "for": group.of,
        "size": group.size,
        "optuna_study": tuner.name,
        "epochs": work.epochs,
        "evaluation_epochs": group.evaluation.epochs,
        "architectures": [
            {"trial": trial.id, "label": trial.label, "seed": trial.seed}
            for trial, _ in group.found
        ],
        "parameters": [dataclasses.asdict(parameter) for parameter in tuner.parameters],
        "steps": tuner.steps,
        "rows": rows,
        "finished": all(row["state"] in DONE for row in rows),
        "best": None if best is None else best["place"],
        "importances": tuner.importances() if at_the_end else {},
    }


def write(folder: Path, tuning: Mapping[str, Any]) -> None:
    """The record, and the best settings if every group has had its budget."""
    text = json.dumps(tuning, indent=1, sort_keys=True, allow_nan=False)
    files.write(folder / RECORD, text + "\n")
    if all(group["finished"] and group["best"] is not None for group in tuning["groups"]):
        files.write(folder / SETTINGS, settings_text(tuning))
    else:
        files.remove(folder / SETTINGS)
