"""A record as flat names and values, for tools that know nothing else: parameters, metrics, files.

Pure functions of a record (see `bench.records.schema`); nothing here imports a tracking tool.
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

from bench.columns import accuracy_name

STAGES = ("search", "evaluation")

Record = Mapping[str, Any]


@dataclass(frozen=True)
class Point:
    """One value of an epoch's metric. `seconds` is the time since the stage began."""

    name: str
    value: float
    epoch: int
    seconds: float


def digest(record: Record) -> str:
    """First 16 hexadecimal digits of the SHA-256 of the record's canonical JSON."""
    text = json.dumps(record, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def run_name(record: Record) -> str:
    """A trial's name for people: label, data set and seed, e.g. "vinnas-digits-s0"."""
    trial = record["trial"]
    # of image-folder:/a/long/path the last part says enough; the rest is among the parameters
    dataset = str(trial["dataset"]).rstrip("/").rpartition("/")[2]
    tuned = "-tuned" if record.get("tuning") else ""
    return re.sub(r"[^\w.-]+", "-", f"{trial['label']}-{dataset}-s{trial['seed']}{tuned}")


def parameters(record: Record) -> dict[str, str]:
    """The configuration as dotted names ("search.epochs") and text, with what the trial is.

    Lists are joined with commas, null is "none" and truth values are "true" and "false".
    """
    trial = {key: record["trial"][key] for key in ("label", "method", "dataset", "seed")}
    return dict(_leaves({"trial": trial, **record["configuration"]}))


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


def final_metrics(record: Record) -> dict[str, float]:
    """What a trial came to, as far as it got: accuracies (fractions), nll (nats), costs.

    FLOPs are for one image, times are seconds, memory is MiB.
    """
    found: dict[str, Any] = {}
    evaluation = record.get("evaluation") or {}
    for name, truth in (evaluation.get("truth") or {}).items():  # looked up, nothing was trained
        for what in ("accuracy", "regret", "percentile"):
            found[f"known/{name}_{what}"] = truth[what]
    parts = () if "truth" in evaluation else ("test", "validation", "test_before_zeroing")
    for part in parts:
        measured = evaluation.get(part) or {}
        found[f"{part}_accuracy"] = measured.get("accuracy")
        found[f"{part}_nll"] = measured.get("nll")
    for name in ("parameters", "nonzero_parameters", "flops"):
        found[name] = evaluation.get(name)
    for stage in STAGES:
        cost = record.get(stage) or {}
        found[f"{stage}_seconds"] = cost.get("seconds")
        peak = cost.get("peak_memory_bytes")
        found[f"{stage}_peak_memory_mib"] = None if peak is None else round(peak / 2**20, 1)
    for name, value in (record.get("selection") or {}).items():
        found[f"selection/{name}"] = value
    return {name: float(value) for name, value in found.items() if _is_number(value)}


def history(record: Record, stage: str) -> list[Point]:
    """Every per-epoch value of a stage, named "search/train_accuracy" and so on."""
    points = []
    elapsed = 0.0
    for epoch in (record.get(stage) or {}).get("epochs") or []:
        elapsed += epoch["seconds"]
        for name, value in _values(epoch).items():
            if _is_number(value):
                point = Point(f"{stage}/{name}", float(value), int(epoch["epoch"]), elapsed)
                points.append(point)
    return points


def history_csv(record: Record) -> str:
    """Both stages' epochs as a table: stage, epoch and a column for each value, sorted by name."""
    epochs = [
        (stage, epoch)
        for stage in STAGES
        for epoch in (record.get(stage) or {}).get("epochs") or []
    ]
    columns = sorted({name for _, epoch in epochs for name in _values(epoch)})
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["stage", "epoch", *columns])
    for stage, epoch in epochs:
        values = _values(epoch)
        writer.writerow([stage, epoch["epoch"], *(values.get(name, "") for name in columns)])
    return text.getvalue()


def _values(epoch: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "epoch_seconds": epoch["seconds"],
        **(epoch.get("terms") or {}),
        **(epoch.get("metrics") or {}),
    }


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def stage_times(record: Record) -> dict[str, tuple[int, int]]:
    """Begin and end, milliseconds since 1970, of the "trial" and of each stage that it reached.

    The search begins with the trial and the evaluation ends with it; a stage that broke before
    it had a duration is given the trial's other end.
    """
    start = milliseconds(record["provenance"]["started"])
    end = max(start, milliseconds(record["provenance"]["finished"]))
    times = {"trial": (start, end)}
    failed_in = (record.get("error") or {}).get("stage")
    for stage in STAGES:
        reached = record.get(stage)
        if reached or failed_in == stage:
            seconds = (reached or {}).get("seconds")
            length = end - start if seconds is None else min(round(seconds * 1000), end - start)
            times[stage] = (start, start + length) if stage == "search" else (end - length, end)
    return times


def milliseconds(text: str) -> int:
    """A moment (ISO 8601, UTC where it names no zone) as milliseconds since 1970."""
    moment = datetime.fromisoformat(text)
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def tags(record: Record) -> dict[str, str]:
    """What to find a trial by. `mlflow.*` are the names that MLflow's pages show by themselves."""
    trial, provenance = record["trial"], record["provenance"]
    error = record.get("error")
    found = {
        **stage_tags(record, "trial"),
        "trial": trial["id"],
        "search_id": trial["search_id"],
        "record": digest(record),
        "status": record["status"],
        "evaluation": "tuned" if record.get("tuning") else "default",
        "error": f"{error['type']}: {error['message']}" if error else None,
        "genotype": record.get("genotype_digest"),
        "data_digest": (record.get("data") or {}).get("digest"),
        "git_commit": provenance.get("git_commit"),
        "git_dirty": provenance.get("git_dirty"),
        "version": provenance.get("version"),
        "device": (record.get("environment") or {}).get("device"),
        "hardware": (record.get("environment") or {}).get("hardware"),
        "mlflow.note.content": summary(record),
        "mlflow.source.name": provenance.get("command"),
        "mlflow.source.type": "LOCAL",
        "mlflow.source.git.commit": provenance.get("git_commit"),
    }
    return {name: _text(value) for name, value in found.items() if value not in (None, "")}


def stage_tags(record: Record, stage: str) -> dict[str, str]:
    """The tags that a trial's nested runs carry too; `stage` is trial, search or evaluation."""
    trial = record["trial"]
    return {"stage": stage} | {
        name: str(trial[name]) for name in ("label", "method", "dataset", "seed")
    }


def summary(record: Record) -> str:
    """One line of Markdown: what the trial was and what it came to."""
    trial = record["trial"]
    text = f"**{trial['label']}** on {trial['dataset']}, seed {trial['seed']}: "
    error = record.get("error")
    if error:
        return text + f"failed in {error['stage']}, {error['type']}: {error['message']}"
    evaluation = record["evaluation"]
    accuracy = f"{accuracy_name(evaluation)} {evaluation['test']['accuracy']:.2%}"
    size = f"{evaluation['nonzero_parameters']:,} of {evaluation['parameters']:,} parameters"
    times = f"search {record['search']['seconds']:,.0f} s, "
    times += f"evaluation {evaluation['seconds']:,.0f} s"
    return text + f"{accuracy}, {size} non-zero, {times}."


def artifact_name(path: Path, record: Record) -> str:
    """A file's name inside its trial's run, where the record's stem would only be in the way.

    <stem>.json is record.json, <stem>.posterior.csv is posterior.csv and cells/<stem>.png is
    cells.png; a file not named after the trial keeps its name.
    """
    before, mark, rest = path.name.partition(f"-{record['trial']['id'][:8]}.")
    if not (before and mark):
        return path.name
    if rest == "json":
        return "record.json"
    return rest if "." in rest else f"{path.parent.name}.{rest}"


def artifacts_of(folder: Path, stem: str) -> Sequence[Path]:
    """The files of a trial that exist under results/<study>: record, posterior, drawn cells."""
    names = (f"records/{stem}.json", f"records/{stem}.posterior.csv", f"cells/{stem}.png")
    return [path for path in (folder / name for name in names) if path.exists()]
