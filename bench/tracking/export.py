"""What is written to MLflow for a record or for a tuning, without MLflow."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from bench.records import schema
from bench.records.parts import Data, Epoch, Stage
from bench.records.schema import FinishedRecord, RunRecord

STAGES = ("search", "evaluation")


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


def from_record(record: RunRecord, measured: Sequence[Value] = ()) -> RunContent:
    """A trial's run, with nested runs for the stages that it reached.

    measured: of the machine while it ran.
    """
    start = to_milliseconds(record.provenance.started)
    end = max(start, to_milliseconds(record.provenance.finished))
    texts = {"history.csv": _history_csv(record)}
    if record.genotype:
        texts["genotype.json"] = json.dumps(record.genotype, indent=1, sort_keys=True)
    nested = (_from_stage(record, name, start, end) for name in STAGES)
    return RunContent(
        name=name_run(record),
        start=start,
        end=end,
        tags=_tags(record),
        parameters=_parameters(record),
        values=(
            *(Value(name, value, end) for name, value in _final_metrics(record).items()),
            *measured,
        ),
        failed=record.status == "failed",
        nested=tuple(content for content in nested if content is not None),
        texts=texts,
        data=record.data,
    )


def _from_stage(record: RunRecord, name: str, start: int, end: int) -> RunContent | None:
    """The search begins with the trial and the evaluation ends with it.

    A stage that broke before it had a duration is given the trial's other end.
    """
    stage, length = _stages(record).get(name), end - start
    failed = record.error is not None and record.error.stage == name
    if stage is not None:
        length = min(round(stage.seconds * 1000), length)
    elif not failed:
        return None
    begin = start if name == "search" else end - length
    values, elapsed = [], 0.0
    for epoch in stage.epochs if stage else ():
        elapsed += epoch.seconds
        values += [
            Value(f"{name}/{key}", float(value), begin + round(1000 * elapsed), epoch.epoch)
            for key, value in _epoch_values(epoch).items()
            if value is not None
        ]
    tags = {"stage": name, "trial": record.trial.id} | identify(record)
    return RunContent(
        name=f"{name_run(record)} {name}",
        start=begin,
        end=begin + length,
        tags=tags,
        parameters=identify(record),
        values=tuple(values),
        failed=failed,
    )


def name_run(record: RunRecord, *, seed: bool = True) -> str:
    """For people: label, data set and seed, e.g. "vinnas-digits-s0"."""
    trial = record.trial
    # of image-folder:/a/long/path the last part says enough; the rest is among the parameters
    dataset = trial.dataset.rstrip("/").rpartition("/")[2]
    parts = [trial.label, dataset, *([f"s{trial.seed}"] if seed else [])]
    return re.sub(r"[^\w.-]+", "-", "-".join([*parts, *(["tuned"] if record.is_tuned else [])]))


def identify(record: RunRecord) -> dict[str, str]:
    """What the runs table shows and groups by: label, method, data set and seed."""
    values = record.trial.model_dump(include={"label", "method", "dataset", "seed"})
    return {name: str(value) for name, value in values.items()}


def _parameters(record: RunRecord) -> dict[str, str]:
    """The configuration as dotted names ("search.epochs") and text, with what the trial is.

    Lists are joined with commas, null is "none" and truth values are "true" and "false".
    """
    leaves = (*identify(record).items(), *_leaves(record.configuration))
    return {re.sub(r"[^\w\-./ ]", "_", name)[:250]: cut(text, 6000) for name, text in leaves}


def _leaves(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _leaves(inner, f"{name}.{key}" if name else str(key))
    else:
        yield name, _text(value)


def _text(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return ", ".join(_text(item) for item in value)
    return str(value)


def _final_metrics(record: RunRecord) -> dict[str, float]:
    """What a trial came to, as far as it got: accuracies (fractions), nll (nats), costs.

    `accuracy` is what the leaderboard compares: the mean over evaluation seeds of test accuracies,
    or what a table knows. FLOPs are for one image, times are seconds, memory is MiB.
    """
    values: dict[str, Any] = {}
    if (evaluation := record.evaluation) is not None:
        accuracies = [one.test.accuracy for one in evaluation.all]
        values["accuracy"] = sum(accuracies) / len(accuracies)
        for name in ("parameters", "nonzero_parameters", "flops"):
            values[name] = getattr(evaluation, name)
        if evaluation.width is not None:
            values["channels"] = evaluation.width.channels
        for name, truth in evaluation.truth.items():
            for what in ("accuracy", "regret", "percentile"):
                values[f"known/{name}_{what}"] = getattr(truth, what)
        measured = ("test", "validation", "test_before_zeroing")
        for part in () if evaluation.truth else measured:  # looked up: nothing was trained
            if (quality := getattr(evaluation, part)) is not None:
                values[f"{part}_accuracy"], values[f"{part}_nll"] = quality.accuracy, quality.nll
    for name, stage in _stages(record).items():
        values[f"{name}_seconds"] = stage.seconds
        if stage.peak_memory_bytes is not None:
            values[f"{name}_peak_memory_mib"] = round(stage.peak_memory_bytes / 2**20, 1)
    if record.selection is not None:
        details = record.selection.model_dump(exclude_unset=True)
        values |= {f"selection/{name}": value for name, value in details.items()}
    numbers = {k: v for k, v in values.items() if isinstance(v, int | float)}
    return {name: float(v) for name, v in numbers.items() if not isinstance(v, bool)}


def _history_csv(record: RunRecord) -> str:
    """Both stages' epochs as a table: stage, epoch and a column for each value, sorted by name."""
    epochs = [(name, epoch) for name, stage in _stages(record).items() for epoch in stage.epochs]
    columns = sorted({name for _, epoch in epochs for name in _epoch_values(epoch)})
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["stage", "epoch", *columns])
    for name, epoch in epochs:
        values = _epoch_values(epoch)
        writer.writerow([name, epoch.epoch, *(values.get(column, "") for column in columns)])
    return text.getvalue()


def _stages(record: RunRecord) -> dict[str, Stage]:
    """The stages that were finished."""
    reached = {"search": record.search, "evaluation": record.evaluation}
    return {name: stage for name, stage in reached.items() if stage is not None}


def _epoch_values(epoch: Epoch) -> dict[str, float | None]:
    return {"epoch_seconds": epoch.seconds, **epoch.terms, **epoch.metrics}


def to_milliseconds(text: str) -> int:
    """A moment (ISO 8601, UTC where it names no zone) as milliseconds since 1970."""
    moment = datetime.fromisoformat(text)
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def _tags(record: RunRecord) -> dict[str, str]:
    """What to find a trial by. `mlflow.*` are the names that MLflow's pages show by themselves."""
    provenance, environment, error = record.provenance, record.environment, record.error
    values = {
        "stage": "trial",
        **identify(record),
        "trial": record.trial.id,
        "search_id": record.trial.search_id,
        "record": schema.digest(record),
        "status": record.status,
        "evaluation": "tuned" if record.is_tuned else "default",
        "error": f"{error.type}: {error.message}" if error else None,
        "genotype": record.genotype_digest,
        "data_digest": record.data and record.data.digest,
        "git_commit": provenance.git_commit,
        "git_dirty": provenance.git_dirty,
        "version": provenance.version,
        "device": environment and environment.device,
        "hardware": environment and environment.hardware,
        "mlflow.note.content": _describe(record),
        "mlflow.source.name": provenance.command,
        "mlflow.source.type": "LOCAL",
        "mlflow.source.git.commit": provenance.git_commit,
    }
    return {name: _text(value) for name, value in values.items() if value not in (None, "")}


def _describe(record: RunRecord) -> str:
    """One line of Markdown: what the trial was and what it came to."""
    trial = record.trial
    text = f"**{trial.label}** on {trial.dataset}, seed {trial.seed}: "
    if not isinstance(record, FinishedRecord):
        error = record.error
        return text + f"failed in {error.stage}, {error.type}: {error.message}"
    evaluation = record.evaluation
    accuracy = f"{evaluation.accuracy_name} {evaluation.test.accuracy:.2%}"
    size = f"{evaluation.nonzero_parameters:,} of {evaluation.parameters:,} parameters"
    times = f"search {record.search.seconds:,.0f} s, evaluation {evaluation.seconds:,.0f} s"
    return text + f"{accuracy}, {size} non-zero, {times}."


def from_group(group: Mapping[str, Any], tuning: Mapping[str, Any]) -> RunContent | None:
    """A tuned group's run, with nested runs for the settings that are done; None before the first.

    group, tuning: see `bench.tuning.records`.
    """
    done = [row for row in group["rows"] if row["finished"] and row["state"] != "running"]
    if not done:
        return None
    what = {key: str(value) for key, value in group["for"].items()}
    content = RunContent(
        name=f"tuning {' '.join(what.values())}",
        start=to_milliseconds(min(row["started"] for row in done)),
        end=None,
        tags={
            "stage": "tuning",
            "tuning": cut(group["optuna_study"].replace("'", ""), 250),
            "per": tuning["per"],
            **what,
        },
        nested=tuple(_from_setting(row, tuning["objectives"], what) for row in done),
    )
    if not group["finished"] or group["best"] is None:
        return content
    best = group["rows"][group["best"]]
    end = to_milliseconds(max(row["finished"] for row in done))
    values = _objectives(best, tuning["objectives"], end)
    return replace(content, end=end, parameters=_texts(best["parameters"]), values=values)


def _from_setting(
    row: Mapping[str, Any], objectives: list[str], what: Mapping[str, str]
) -> RunContent:
    end = to_milliseconds(row["finished"])
    return RunContent(
        name=f"setting {row['place']}",
        start=to_milliseconds(row["started"]),
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
