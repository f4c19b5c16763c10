"""What a tuning leaves behind: its record (JSON) and the best settings (YAML)."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from bench import files
from bench.run import environment
from bench.study.model import Study
from bench.tuning.plan import Row
from bench.tuning.space import METHOD, WARM_UP

SCHEMA = 1
RECORD = "tuning.json"
SETTINGS = "settings.yaml"
_SIGNIFICANT = 6  # digits of a setting


def record(
    study: Study, settings: Any, work: Sequence[Any], described: Mapping[str, Any]
) -> dict[str, Any]:
    """Everything that tables and figures need, as plain data.

    settings, work: those of `bench.tuning.session`.
    """
    groups = [_group(one) for one in work]
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


def _group(one: Any) -> dict[str, Any]:
    rows: list[Row] = one.tuner.rows()
    best = best_row(rows)
    evaluation = one.group.found[0].trial.evaluation
    return {
        "for": one.group.of,
        "size": one.group.size,
        "optuna_study": one.plan.name,
        "epochs": one.objective.epochs,
        "evaluation_epochs": evaluation.epochs,
        "architectures": [
            {"trial": f.trial.id, "label": f.trial.label, "seed": f.trial.seed}
            for f in one.group.found
        ],
        "parameters": [dataclasses.asdict(parameter) for parameter in one.plan.parameters],
        "steps": one.plan.steps,
        "rows": [_row(row) for row in rows],
        "finished": all(row.done for row in rows),
        "best": None if best is None else best.place,
        "importances": one.tuner.importances(),
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


def write(folder: Path, made: Mapping[str, Any]) -> None:
    """The record, and the best settings if every group has had its budget."""
    text = json.dumps(made, indent=1, sort_keys=True, allow_nan=False)
    files.write(folder / RECORD, text + "\n")
    if all(group["finished"] and group["best"] is not None for group in made["groups"]):
        files.write(folder / SETTINGS, settings_text(made))
    else:
        (folder / SETTINGS).unlink(missing_ok=True)


def settings_text(made: Mapping[str, Any]) -> str:
    """The best settings as `bench run STUDY --evaluation FILE` takes them."""
    study = made["study"]
    head = (
        f"# The best of {made['trials']} settings for each {made['per']} of study {study}, by"
        " accuracy on validation images.\n"
        f"# bench run {study} --evaluation THIS_FILE evaluates the found architectures with them.\n"
    )
    entries = [_entry(group, made) for group in made["groups"]]
    body = yaml.safe_dump({"study": study, "settings": entries}, sort_keys=False, width=100)
    return head + body


def _entry(group: Mapping[str, Any], made: Mapping[str, Any]) -> dict[str, Any]:
    rows = group["rows"]
    best = rows[group["best"]]
    values = {name: _rounded(value) for name, value in best["parameters"].items()}
    evaluation = {name: v for name, v in values.items() if not name.startswith(METHOD)}
    if WARM_UP in evaluation:
        epochs = group["evaluation_epochs"]
        share = best["parameters"][WARM_UP]
        evaluation.pop(WARM_UP)
        evaluation["warm_up_epochs"] = round(share * epochs)
    own = {name.removeprefix(METHOD): v for name, v in values.items() if name.startswith(METHOD)}
    default = rows[0]["values"]
    return {
        "for": dict(group["for"]),
        "evaluation": evaluation,
        **({"method": own} if own else {}),
        "tuning": {
            "per": made["per"],
            "trials": made["trials"],
            "seconds": round(sum(row["seconds"] for row in rows), 3),
            "epochs": group["epochs"],
            "architectures": len(group["architectures"]),
            "validation_accuracy": best["values"][0],
            "default_validation_accuracy": None if default is None else default[0],
        },
    }


def _rounded(value: float | int) -> float | int:
    return float(f"{value:.{_SIGNIFICANT}g}") if isinstance(value, float) else value
