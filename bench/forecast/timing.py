"""What a trial takes: from records of trials like it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from bench import plugins
from bench.options import from_resolved
from bench.study.model import Trial
from bench.tabular.config import TabularConfig
from bench.training.search import retraining_budget

READ_FOR = 3.0  # seconds at most for reading records
_HOW = {  # options that a trial's time does not depend on, or is proportional to
    "data": ("split_seed", "storage"),
    "search": ("epochs", "rate_cap", "retrained", "retrained_epochs", "retrained_seeds"),
    "evaluation": ("epochs", "repeats", "export", "learning_rate", "learning_rate_min"),
}


@dataclass(frozen=True)
class Timing:
    """Seconds of an epoch of each stage, and of the selection; bytes of a worker at its peak.

    retraining_epoch: of one candidate's training. source: "records" or "measured"; hardware: of the
    records.
    """

    search_epoch: float
    selection: float
    evaluation_epoch: float
    memory: int
    source: str
    hardware: str = ""
    retraining_epoch: float = 0.0

    def of_search(self, trial: Trial) -> float:
        """Seconds of the trial's search, without the trainings of its candidates."""
        return self.search_epoch * trial.search.epochs + self.selection

    def of_retraining(self, trial: Trial) -> float:
        """Seconds of the trainings of the search's candidates from scratch."""
        epochs = retraining_budget(trial.search).epochs
        return self.retraining_epoch * epochs * count_retrainings(trial)

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


def count_retrainings(trial: Trial) -> int:
    """How many trainings of candidates from scratch follow the trial's search."""
    if not trial.search.retrained or isinstance(trial.evaluation, TabularConfig):
        return 0
    kind = plugins.load_method(trial.method)
    ranked = kind.count_candidates(from_resolved(kind.Config, trial.options))
    retrained = sum(min(count, trial.search.retrained) for count in ranked.values())
    return retrained * trial.search.retrained_seeds


def is_trained(trial: Trial) -> bool:
    """Whether the trial's evaluation trains a network; else it looks accuracies up."""
    return getattr(trial.evaluation, "kind", "training") == "training"


def find_key(trial: Trial) -> str:
    """What trials that take the same time have in common, as text."""
    return _key(trial.method, trial.configuration(), count_retrainings(trial) > 0)


def _key(method: str, configuration: Mapping[str, Any], retrains: bool) -> str:
    """retrains: candidates are trained from scratch. Others' records cannot say what that takes."""
    sections = {
        name: {k: v for k, v in values.items() if k not in _HOW.get(name, ())}
        for name, values in configuration.items()
    }
    return json.dumps([method, sections, retrains], sort_keys=True)


def from_records(trials: Iterable[Trial], folder: Path, device: str) -> dict[str, Timing]:
    """By `find_key`, the timings of finished trials like these in the records of all studies.

    folder: results/<study>, whose own records are read first. device: cpu or cuda.
    """
    wanted = {find_key(trial) for trial in trials}
    samples: dict[str, list[Timing]] = {}
    for record in _read(folder):
        retrains = _find_retraining(record) is not None
        name = _key(record["trial"]["method"], record["configuration"], retrains)
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
    retraining = _find_retraining(record) or _Retraining(0.0, 1)
    return Timing(
        search["seconds"] / max(1, len(search["epochs"])),
        search.get("selection_seconds", 0.0) - retraining.seconds,
        evaluation["seconds"] / trained,
        max(memory),
        "records",
        record["environment"]["hardware"],
        retraining.seconds / retraining.epochs,
    )


class _Retraining(NamedTuple):
    """Seconds and epochs of all trainings of a record's candidates together."""

    seconds: float
    epochs: int


def _find_retraining(record: Mapping[str, Any]) -> _Retraining | None:
    """Of a record; its `selection_seconds` are those of the trainings, too."""
    selection, search = record["selection"], record["configuration"]["search"]
    if "retrained_seconds" not in selection:
        return None
    candidates = sum(map(len, selection["retrained"].values()))
    trainings = candidates * search.get("retrained_seeds", 1)
    epochs = search.get("retrained_epochs") or search["epochs"]
    return _Retraining(selection["retrained_seconds"], max(1, trainings * epochs))


def _average(timings: list[Timing]) -> Timing:
    count = len(timings)
    return Timing(
        sum(one.search_epoch for one in timings) / count,
        sum(one.selection for one in timings) / count,
        sum(one.evaluation_epoch for one in timings) / count,
        max(one.memory for one in timings),
        "records",
        "; ".join(sorted({one.hardware for one in timings})),
        sum(one.retraining_epoch for one in timings) / count,
    )
