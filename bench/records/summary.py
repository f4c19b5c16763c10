"""A record as flat names and values, for tools that know nothing else: parameters, metrics, files.

Pure functions of a record; nothing here imports a tracking tool.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.records import schema
from bench.records.parts import Epoch, Stage
from bench.records.schema import FinishedRecord, RunRecord

STAGES = ("search", "evaluation")


@dataclass(frozen=True)
class Point:
    """One value of an epoch's metric. `seconds` is the time since the stage began."""

    name: str
    value: float
    epoch: int
    seconds: float


def digest(record: RunRecord) -> str:
    """First 16 hexadecimal digits of the SHA-256 of the record's canonical JSON."""
    text = json.dumps(schema.plain(record), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def run_name(record: RunRecord) -> str:
    """A trial's name for people: label, data set and seed, e.g. "vinnas-digits-s0"."""
    trial = record.trial
    # of image-folder:/a/long/path the last part says enough; the rest is among the parameters
    dataset = trial.dataset.rstrip("/").rpartition("/")[2]
    tuned = "-tuned" if record.is_tuned else ""
    return re.sub(r"[^\w.-]+", "-", f"{trial.label}-{dataset}-s{trial.seed}{tuned}")


def parameters(record: RunRecord) -> dict[str, str]:
    """The configuration as dotted names ("search.epochs") and text, with what the trial is.

    Lists are joined with commas, null is "none" and truth values are "true" and "false".
    """
    trial = record.trial.model_dump(include={"label", "method", "dataset", "seed"})
    return dict(_leaves({"trial": trial, **record.configuration}))


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


def final_metrics(record: RunRecord) -> dict[str, float]:
    """What a trial came to, as far as it got: accuracies (fractions), nll (nats), costs.

    FLOPs are for one image, times are seconds, memory is MiB.
    """
    values: dict[str, Any] = {}
    if (evaluation := record.evaluation) is not None:
        for name in ("parameters", "nonzero_parameters", "flops"):
            values[name] = getattr(evaluation, name)
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
    return {name: float(value) for name, value in values.items() if _is_number(value)}


def history(record: RunRecord, stage: str) -> list[Point]:
    """Every per-epoch value of a stage, named "search/train_accuracy" and so on."""
    points = []
    elapsed = 0.0
    for epoch in _epochs(record, stage):
        elapsed += epoch.seconds
        points += [
            Point(f"{stage}/{name}", float(value), epoch.epoch, elapsed)
            for name, value in _values(epoch).items()
            if value is not None
        ]
    return points


def history_csv(record: RunRecord) -> str:
    """Both stages' epochs as a table: stage, epoch and a column for each value, sorted by name."""
    epochs = [(stage, epoch) for stage in STAGES for epoch in _epochs(record, stage)]
    columns = sorted({name for _, epoch in epochs for name in _values(epoch)})
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["stage", "epoch", *columns])
    for stage, epoch in epochs:
        values = _values(epoch)
        writer.writerow([stage, epoch.epoch, *(values.get(name, "") for name in columns)])
    return text.getvalue()


def _stages(record: RunRecord) -> dict[str, Stage]:
    """The stages that were finished."""
    reached = {"search": record.search, "evaluation": record.evaluation}
    return {name: stage for name, stage in reached.items() if stage is not None}


def _epochs(record: RunRecord, stage: str) -> list[Epoch]:
    found = _stages(record).get(stage)
    return [] if found is None else found.epochs


def _values(epoch: Epoch) -> dict[str, float | None]:
    return {"epoch_seconds": epoch.seconds, **epoch.terms, **epoch.metrics}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def stage_times(record: RunRecord) -> dict[str, tuple[int, int]]:
    """Begin and end, milliseconds since 1970, of the "trial" and of each stage that it reached.

    The search begins with the trial and the evaluation ends with it; a stage that broke before
    it had a duration is given the trial's other end.
    """
    start = milliseconds(record.provenance.started)
    end = max(start, milliseconds(record.provenance.finished))
    times = {"trial": (start, end)}
    finished = _stages(record)
    for stage in STAGES:
        length = end - start
        if stage in finished:
            length = min(round(finished[stage].seconds * 1000), length)
        elif record.error is None or record.error.stage != stage:
            continue
        times[stage] = (start, start + length) if stage == "search" else (end - length, end)
    return times


def milliseconds(text: str) -> int:
    """A moment (ISO 8601, UTC where it names no zone) as milliseconds since 1970."""
    moment = datetime.fromisoformat(text)
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def tags(record: RunRecord) -> dict[str, str]:
    """What to find a trial by. `mlflow.*` are the names that MLflow's pages show by themselves."""
    provenance, environment, error = record.provenance, record.environment, record.error
    values = {
        **stage_tags(record, "trial"),
        "trial": record.trial.id,
        "search_id": record.trial.search_id,
        "record": digest(record),
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
        "mlflow.note.content": describe(record),
        "mlflow.source.name": provenance.command,
        "mlflow.source.type": "LOCAL",
        "mlflow.source.git.commit": provenance.git_commit,
    }
    return {name: _text(value) for name, value in values.items() if value not in (None, "")}


def stage_tags(record: RunRecord, stage: str) -> dict[str, str]:
    """The tags that a trial's nested runs carry too; `stage` is trial, search or evaluation."""
    trial = record.trial.model_dump(include={"label", "method", "dataset", "seed"})
    return {"stage": stage} | {name: str(value) for name, value in trial.items()}


def describe(record: RunRecord) -> str:
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


def artifact_name(path: Path, record: RunRecord) -> str:
    """A file's name inside its trial's run, where the record's stem would only be in the way.

    <stem>.json is record.json, <stem>.posterior.csv is posterior.csv and cells/<stem>.png is
    cells.png; a file not named after the trial keeps its name.
    """
    before, mark, rest = path.name.partition(f"-{record.trial.id[:8]}.")
    if not (before and mark):
        return path.name
    if rest == "json":
        return "record.json"
    return rest if "." in rest else f"{path.parent.name}.{rest}"


def artifacts_of(folder: Path, record: RunRecord) -> Sequence[Path]:
    """The files of a trial that exist under results/<study>: record, posterior, drawn cells."""
    stem = record.trial.stem
    names = (f"records/{stem}.json", f"records/{stem}.posterior.csv", f"cells/{stem}.png")
    return [path for path in (folder / name for name in names) if path.exists()]
