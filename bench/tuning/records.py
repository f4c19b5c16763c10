"""What a tuning leaves behind: its record (JSON) and the best settings (YAML)."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench import files
from bench.run import environment
from bench.study import yaml
from bench.study.model import Study
from bench.tuning.groups import Work
from bench.tuning.plan import Row, Settings
from bench.tuning.space import split

SCHEMA = 1
RECORD = "tuning.json"
SETTINGS = "settings.yaml"
_SIGNIFICANT = 6  # digits of a setting


def record(
    study: Study, settings: Settings, work: Sequence[Work], described: Mapping[str, Any]
) -> dict[str, Any]:
    """Everything that tables and figures need, as plain data; `described`: the environment."""
    groups = [_group(part) for part in work]
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
        "environment": dict(described),
        "provenance": environment.provenance(started, finished),
    }


def _group(part: Work) -> dict[str, Any]:
    rows = part.tuner.rows()
    best = best_row(rows)
    return {
        "for": part.group.of,
        "size": part.group.size,
        "optuna_study": part.plan.name,
        "epochs": part.objective.epochs,
        "evaluation_epochs": part.group.evaluation.epochs,
        "architectures": [
            {"trial": f.trial.id, "label": f.trial.label, "seed": f.trial.seed}
            for f in part.group.found
        ],
        "parameters": [dataclasses.asdict(parameter) for parameter in part.plan.parameters],
        "steps": part.plan.steps,
        "rows": [_row(row) for row in rows],
        "finished": all(row.done for row in rows),
        "best": None if best is None else best.place,
        "importances": part.tuner.importances(),
    }


def _row(row: Row) -> dict[str, Any]:
    plain = dataclasses.asdict(row)
    plain["steps"] = [[step, value] for step, value in row.steps.items()]
    plain["values"] = None if row.values is None else list(row.values)
    return plain


def best_row(rows: Sequence[Row]) -> Row | None:
    """The complete one of the highest accuracy; of equal ones the first, so the default if so."""
    complete = [row for row in rows if row.values is not None]
    return max(complete, key=lambda row: (row.values or (0.0,))[0], default=None)


def write(folder: Path, tuning: Mapping[str, Any]) -> None:
    """The record, and the best settings if every group has had its budget."""
    text = json.dumps(tuning, indent=1, sort_keys=True, allow_nan=False)
    files.write(folder / RECORD, text + "\n")
    if all(group["finished"] and group["best"] is not None for group in tuning["groups"]):
        files.write(folder / SETTINGS, settings_text(tuning))
    else:
        (folder / SETTINGS).unlink(missing_ok=True)


def settings_text(tuning: Mapping[str, Any]) -> str:
    """The best settings as `bench run STUDY --evaluation FILE` takes them."""
    study = tuning["study"]
    head = (
        f"# The best of {tuning['trials']} settings for each {tuning['per']} of study {study}, by"
        " accuracy on validation images.\n"
        f"# bench run {study} --evaluation THIS_FILE evaluates the found architectures with them.\n"
    )
    entries = [_entry(group, tuning) for group in tuning["groups"]]
    body = yaml.dump({"study": study, "settings": entries})
    return head + body


def _entry(group: Mapping[str, Any], tuning: Mapping[str, Any]) -> dict[str, Any]:
    rows = group["rows"]
    best = rows[group["best"]]
    evaluation, own = split(best["parameters"], group["evaluation_epochs"])
    default = rows[0]["values"]
    return {
        "for": dict(group["for"]),
        "evaluation": _round(evaluation),
        **({"method": _round(own)} if own else {}),
        "tuning": {
            "per": tuning["per"],
            "trials": tuning["trials"],
            "seconds": round(sum(row["seconds"] for row in rows), 3),
            "epochs": group["epochs"],
            "architectures": len(group["architectures"]),
            "validation_accuracy": best["values"][0],
            "default_validation_accuracy": None if default is None else default[0],
        },
    }


def _round(values: Mapping[str, float | int]) -> dict[str, float | int]:
    return {
        name: float(f"{value:.{_SIGNIFICANT}g}") if isinstance(value, float) else value
        for name, value in values.items()
    }
