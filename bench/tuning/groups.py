"""What is tuned together: trials that get the same settings, their architectures and their plan."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bench.data.splits import SearchData
from bench.errors import ConfigurationError
from bench.records.store import Standing, Store
from bench.study.model import Study
from bench.training.config import EvaluationConfig
from bench.tuning.objective import Found, Validation
from bench.tuning.optuna_study import Tuner
from bench.tuning.plan import Plan, Settings
from bench.tuning.space import parameters

_KEYS = {
    "trial": ("method", "dataset", "seed"),
    "method": ("method", "dataset"),
    "study": ("dataset",),
}


@dataclass(frozen=True)
class Group:
    """Trials that get the same settings, and their architectures that these are tuned on.

    of: what the trials have in common (method, dataset, seed); size: how many trials these are.
    """

    of: dict[str, Any]
    size: int
    found: tuple[Found, ...]

    @property
    def evaluation(self) -> EvaluationConfig:
        """The study's evaluation, without tuned settings."""
        config = self.found[0].trial.evaluation
        assert isinstance(config, EvaluationConfig)  # bench.tuning.session has looked
        return config

    def __str__(self) -> str:
        return " ".join(str(value) for value in self.of.values())


def find_groups(study: Study, standing: Standing, settings: Settings) -> list[Group]:
    """The groups with at least one architecture. Raises ConfigurationError if sizes differ."""
    records = {record.trial.id: record for record in standing.finished}
    unfinished = len(study.trials) - len(records)
    if unfinished:
        print(
            f"warning: {unfinished} of {len(study.trials)} trials are not finished; their"
            " architectures are left out",
            file=sys.stderr,
        )
    groups: dict[tuple[Any, ...], Group] = {}
    for trial in study.trials:
        of: dict[str, Any] = {"method": trial.label, "dataset": trial.dataset, "seed": trial.seed}
        of = {key: of[key] for key in _KEYS[settings.per]}
        place = tuple(of.values())
        group = groups.get(place, Group(of, 0, ()))
        record = records.get(trial.id)
        found = () if record is None else (Found(trial, record.architecture),)
        groups[place] = Group(of, group.size + 1, group.found + found)
    limited = [
        dataclasses.replace(group, found=_fewest_seeds(group.found, settings.architectures))
        for group in groups.values()
        if group.found
    ]
    if len({len(group.found) for group in limited}) > 1:
        raise ConfigurationError(
            "the groups have different numbers of architectures, so budgets would not be the same:"
            " run the missing trials, or name a smaller number with --architectures"
        )
    return limited


def _fewest_seeds(found: tuple[Found, ...], limit: int | None) -> tuple[Found, ...]:
    """The architectures of the first `limit` seeds of each label."""
    if limit is None:
        return found
    kept: list[Found] = []
    for architecture in found:
        label = architecture.trial.label
        if sum(other.trial.label == label for other in kept) < limit:
            kept.append(architecture)
    return tuple(kept)


class Work:
    """A group's objective, plan and tuner."""

    def __init__(
        self,
        study: Study,
        store: Store,
        settings: Settings,
        group: Group,
        data: Mapping[str, SearchData],
    ) -> None:
        """data: by data set. Raises ConfigurationError, TuningError."""
        first = group.found[0].trial
        side = min(data[first.dataset].shape[1:])
        own = settings.per != "study"
        epochs = settings.epochs or group.evaluation.epochs
        self.group = group
        self.objective = Validation(group.found, data, epochs)
        plan = Plan(
            name="",
            url=settings.storage or f"sqlite:///{store.folder / 'tuning' / 'optuna.db'}",
            trials=settings.trials,
            parameters=parameters(first, side, settings.only, own),
            steps=self.objective.steps,
            pruner=settings.pruner,
            objectives=settings.objectives,
            seed=settings.seed,
        )
        # another Optuna study for everything that changes what a value means
        meant = {
            "architectures": [(f.trial.id, f.genotype.digest) for f in group.found],
            "epochs": epochs,
            "parameters": [dataclasses.asdict(parameter) for parameter in plan.parameters],
            "pruner": plan.pruner,
            "objectives": plan.objectives,
            "seed": plan.seed,
        }
        digest = hashlib.sha256(json.dumps(meant, sort_keys=True).encode()).hexdigest()
        self.plan = dataclasses.replace(plan, name=f"{study.name}: {group}: {digest[:12]}")
        self.tuner = Tuner(self.plan)
