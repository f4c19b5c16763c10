"""A tuning in MLflow: a run per group, a nested run per setting, nothing twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from support.mlflow_stores import client, runs

from bench.tracking import runs as tracking

TIME = "2026-01-02T03:04:0{}+00:00"


def row(place: int, state: str, value: float | None) -> dict[str, Any]:
    running = state == "running"
    return {
        "place": place,
        "state": state,
        "values": None if value is None else [value],
        "parameters": {"learning_rate": 0.05, "batch_size": 64},
        "steps": [[1, 0.5], [2, 0.75]],
        "seconds": 2.5,
        "started": TIME.format(place),
        "finished": None if running else TIME.format(place + 1),
    }


def made(*rows: dict[str, Any], finished: bool) -> dict[str, Any]:
    group = {
        "for": {"method": "vinnas", "dataset": "digits"},
        "optuna_study": "quickstart: vinnas digits: 0123",
        "rows": list(rows),
        "finished": finished,
        "best": 0,
    }
    return {"study": "quickstart", "per": "method", "objectives": ["accuracy"], "groups": [group]}


def test_settings_are_nested_runs_and_sent_once(tmp_path: Path) -> None:
    complete, pruned = row(0, "complete", 0.9), row(1, "pruned", None)
    first = made(complete, row(1, "running", None), finished=False)
    assert tracking.log_tuning(first, tmp_path, None) == 1
    assert tracking.log_tuning(first, tmp_path, None) == 0
    assert {run.info.status for run in runs(tmp_path)} == {"RUNNING", "FINISHED"}
    last = made(complete, pruned, finished=True)
    assert tracking.log_tuning(last, tmp_path, None) == 1
    assert tracking.log_tuning(last, tmp_path, None) == 0
    by_name = {run.info.run_name: run for run in runs(tmp_path)}
    assert set(by_name) == {"tuning vinnas digits", "setting 0", "setting 1"}
    parent, setting = by_name["tuning vinnas digits"], by_name["setting 0"]
    assert {run.info.status for run in by_name.values()} == {"FINISHED"}
    assert parent.data.metrics["accuracy"] == 0.9
    assert parent.data.params["learning_rate"] == "0.05"
    for name in ("setting 0", "setting 1"):
        assert by_name[name].data.tags["mlflow.parentRunId"] == parent.info.run_id
    assert by_name["setting 1"].data.tags["state"] == "pruned"
    assert setting.data.metrics == {"accuracy": 0.9, "validation_accuracy": 0.75, "seconds": 2.5}
    points = client(tmp_path).get_metric_history(setting.info.run_id, "validation_accuracy")
    assert [(point.step, point.value) for point in points] == [(1, 0.5), (2, 0.75)]
