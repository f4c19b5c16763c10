"""What a trial takes: from records of trials like it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.study.model import Trial

READ_FOR = 3.0  # seconds at most for reading records
_HOW = {  # options that a trial's time does not depend on, or is proportional to
    "data": ("split_seed", "storage"),
    "search": ("epochs", "rate_cap"),
    "evaluation": ("epochs", "repeats", "export", "learning_rate", "learning_rate_min"),
}


@dataclass(frozen=True)
class Timing:
    """Seconds of an epoch of each stage, and of the selection; bytes of a worker at its peak.

    source: "records" or "measured"; hardware: of the records.
    """

    search_epoch: float
    selection: float
    evaluation_epoch: float
    memory: int
    source: str
    hardware: str = ""

    def of_search(self, trial: Trial) -> float:
        """Seconds of the trial's search."""
        return self.search_epoch * trial.search.epochs + self.selection

    def of_evaluation(self, trial: Trial) -> float:
        """Seconds of the trial's evaluation."""
        evaluation: Any = trial.evaluation
        epochs = evaluation.epochs if is_trained(trial) else 1
        return self.evaluation_epoch * epochs * count_trainings(trial)


def count_trainings(trial: Trial) -> int:
    """How many networks the trial's evaluation trains, those of ensembles too; 1 if it trains none.

    What is predicted with them takes little beside that.
    """
    evaluation: Any = trial.evaluation
    uncertainty = getattr(evaluation, "uncertainty", None)
    members = uncertainty.passes if uncertainty is not None and uncertainty.ensemble else 1
    return int(getattr(evaluation, "repeats", 1) * members)


def is_trained(trial: Trial) -> bool:
    """Whether the trial's evaluation trains a network; else it looks accuracies up."""
    return getattr(trial.evaluation, "kind", "training") == "training"


def key(method: str, configuration: Mapping[str, Any]) -> str:
    """What trials that take the same time have in common, as text."""
    sections = {
        name: {k: v for k, v in values.items() if k not in _HOW.get(name, ())}
        for name, values in configuration.items()
    }
    return json.dumps([method, sections], sort_keys=True)


def from_records(trials: Iterable[Trial], folder: Path, device: str) -> dict[str, Timing]:
    """By `key`, the timings of finished trials like these in the records of all studies.

    folder: results/<study>, whose own records are read first. device: cpu or cuda.
    """
    wanted = {key(trial.method, trial.configuration()) for trial in trials}
    samples: dict[str, list[Timing]] = {}
    for record in _read(folder):
        name = key(record["trial"]["method"], record["configuration"])
        if name in wanted and record["environment"]["device"] == device:
            samples.setdefault(name, []).append(_time(record))
    return {name: _average(timings) for name, timings in samples.items()}


def _read(folder: Path) -> Iterator[dict[str, Any]]:
    """Finished records as plain data; those that cannot be read are passed over."""
    begun = time.monotonic()
    others = sorted(folder.parent.glob("*/records"))
    places = dict.fromkeys([folder / "records", *others])
    for place in places:
        for path in sorted(place.glob("[!.]*.json")):
            if time.monotonic() - begun > READ_FOR:
                return
            try:
                record = json.loads(path.read_bytes())
            except (OSError, ValueError):
                continue
            if isinstance(record, dict) and record.get("status") == "finished":
                yield record


def _time(record: Mapping[str, Any]) -> Timing:
    search, evaluation = record["search"], record["evaluation"]
    memory = [part.get("peak_memory_bytes") or 0 for part in (search, evaluation)]
    trained = max(1, len(evaluation.get("epochs") or ()))
    return Timing(
        search["seconds"] / max(1, len(search["epochs"])),
        search.get("selection_seconds", 0.0),
        evaluation["seconds"] / trained,
        max(memory),
        "records",
        record["environment"]["hardware"],
    )


def _average(timings: list[Timing]) -> Timing:
    count = len(timings)
    return Timing(
        sum(one.search_epoch for one in timings) / count,
        sum(one.selection for one in timings) / count,
        sum(one.evaluation_epoch for one in timings) / count,
        max(one.memory for one in timings),
        "records",
        "; ".join(sorted({one.hardware for one in timings})),
    )
