"""What is written to MLflow for a record or for a tuning, without MLflow."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bench.records import summary as flatten
from bench.records.parts import Data
from bench.records.schema import RunRecord


@dataclass(frozen=True)
class Value:
    """A metric's value; `moment` is in milliseconds since 1970."""

    name: str
    value: float
    moment: int
    step: int = 0


@dataclass(frozen=True)
class RunContent:
    """Everything of one MLflow run. Moments are milliseconds since 1970; end None: it goes on."""

    name: str
    start: int
    end: int | None
    tags: Mapping[str, str]
    parameters: Mapping[str, str] = field(default_factory=dict)
    values: tuple[Value, ...] = ()
    failed: bool = False
    nested: tuple[RunContent, ...] = ()
    texts: Mapping[str, str] = field(default_factory=dict)
    """Artifacts by file name."""
    data: Data | None = None


def from_record(record: RunRecord) -> RunContent:
    """A trial's run, with nested runs for the stages that it reached."""
    times = flatten.stage_times(record)
    start, end = times.pop("trial")
    texts = {"history.csv": flatten.history_csv(record)}
    if record.genotype:
        texts["genotype.json"] = json.dumps(record.genotype, indent=1, sort_keys=True)
    metrics = flatten.final_metrics(record)
    return RunContent(
        name=flatten.run_name(record),
        start=start,
        end=end,
        tags=flatten.tags(record),
        parameters={
            re.sub(r"[^\w\-./ ]", "_", key)[:250]: cut(text, 6000)
            for key, text in flatten.parameters(record).items()
        },
        values=tuple(Value(name, value, end) for name, value in metrics.items()),
        failed=record.status == "failed",
        nested=tuple(_stage(record, stage, *moments) for stage, moments in times.items()),
        texts=texts,
        data=record.data,
    )


def _stage(record: RunRecord, stage: str, start: int, end: int) -> RunContent:
    return RunContent(
        name=stage,
        start=start,
        end=end,
        tags=flatten.stage_tags(record, stage),
        values=tuple(
            Value(point.name, point.value, start + round(1000 * point.seconds), point.epoch)
            for point in flatten.history(record, stage)
        ),
        failed=record.error is not None and record.error.stage == stage,
    )


def from_group(group: Mapping[str, Any], tuning: Mapping[str, Any]) -> RunContent | None:
    """A tuned group's run, with nested runs for the settings that are done; None before the first.

    group, tuning: see `bench.tuning.records`.
    """
    done = [row for row in group["rows"] if row["finished"] and row["state"] != "running"]
    if not done:
        return None
    what = {key: str(value) for key, value in group["for"].items()}
    objectives = tuning["objectives"]
    best = None
    if group["finished"] and group["best"] is not None:
        best = group["rows"][group["best"]]
    end = flatten.milliseconds(max(row["finished"] for row in done))
    return RunContent(
        name=f"tuning {' '.join(what.values())}",
        start=flatten.milliseconds(min(row["started"] for row in done)),
        end=end if best else None,
        tags={
            "stage": "tuning",
            "tuning": cut(group["optuna_study"].replace("'", ""), 250),
            "per": tuning["per"],
            **what,
        },
        parameters=_texts(best["parameters"]) if best else {},
        values=_objectives(best, objectives, end) if best else (),
        nested=tuple(_setting(row, objectives, what) for row in done),
    )


def _setting(row: Mapping[str, Any], objectives: list[str], what: Mapping[str, str]) -> RunContent:
    start, end = (flatten.milliseconds(row[key]) for key in ("started", "finished"))
    return RunContent(
        name=f"setting {row['place']}",
        start=start,
        end=end,
        tags={"stage": "setting", "place": str(row["place"]), "state": row["state"], **what},
        parameters=_texts(row["parameters"]),
        values=(
            *(Value("validation_accuracy", value, end, step) for step, value in row["steps"]),
            Value("seconds", row["seconds"], end),
            *_objectives(row, objectives, end),
        ),
        failed=row["state"] in ("failed", "diverged"),
    )


def _objectives(row: Mapping[str, Any], objectives: list[str], end: int) -> tuple[Value, ...]:
    values = row["values"]
    pairs = () if values is None else zip(objectives, values, strict=True)
    return tuple(Value(name, value, end) for name, value in pairs)


def _texts(parameters: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in parameters.items()}


def cut(text: str, limit: int) -> str:
    """The text within MLflow's limit; the record among the artifacts has the whole."""
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
