"""What is tuned together: trials that get the same settings, and their architectures."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bench.data.config import DataConfig
from bench.errors import ConfigurationError
from bench.records.store import Standing
from bench.run.beforehand import SeenData
from bench.run.messages import Job
from bench.run.progress import Item
from bench.run.setting import Found
from bench.study.hyperparameters import parameters
from bench.study.model import Study
from bench.training.config import EvaluationConfig
from bench.tuning.optuna_study import Attempt, Tuner
from bench.tuning.plan import Settings

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
    records = {record.trial.key: record for record in standing.finished}
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
        group = groups.get(tuple(of.values()), Group(of, 0, ()))
        found = group.found
        # of the first seeds of each label, as many as are asked for
        known = sum(other.trial.label == trial.label for other in found)
        if trial.key in records and known < (settings.architectures or len(study.trials)):
            found += (Found(trial, records[trial.key].architecture),)
        groups[tuple(of.values())] = Group(of, group.size + 1, found)
    kept = [group for group in groups.values() if group.found]
    if len({len(group.found) for group in kept}) > 1:
        raise ConfigurationError(
            "the groups have different numbers of architectures, so budgets would not be the same:"
            " run the missing trials, or name a smaller number with --architectures"
        )
    return kept


class Work:
    """A group, its Optuna study, and how a setting of it is trained."""

    def __init__(
        self,
        study: Study,
        url: str,
        settings: Settings,
        group: Group,
        data: Mapping[DataConfig, SeenData],
    ) -> None:
        """url: of the Optuna storage. Raises ConfigurationError, TuningError."""
        first = group.found[0].trial
        self.group = group
        self.epochs = settings.epochs or group.evaluation.epochs
        self._execute = settings.execute
        self._digests = {f.trial.data: data[f.trial.data].digest for f in group.found}
        space = parameters(first, data[first.data].side, settings.only, settings.per != "study")
        # another Optuna study for everything that changes what a value means
        meant = {
            "architectures": [(f.trial.id, f.genotype.digest) for f in group.found],
            "epochs": self.epochs,
            "parameters": [dataclasses.asdict(parameter) for parameter in space],
            "pruner": settings.pruner,
            "objectives": settings.objectives,
            "seed": settings.seed,
            "format": 2,
        }
        digest = hashlib.sha256(json.dumps(meant, sort_keys=True).encode()).hexdigest()
        name = f"{study.name}: {group}: {digest[:12]}"
        self.tuner = Tuner(name, url, space, len(group.found) * self.epochs, settings)

    def name_setting(self, place: int) -> Item:
        """A setting, for people."""
        return Item(
            f"{self.group}, setting {place}", f"{self.group} {place}", (str(self.group), "")
        )

    def make_job(self, attempt: Attempt) -> Job:
        """What a worker does to train a setting."""
        digest = hashlib.sha256(self.tuner.name.encode()).hexdigest()
        arguments = {
            "found": self.group.found,
            "values": attempt.values,
            "epochs": self.epochs,
            "digests": self._digests,
        }
        return Job(f"tune-{digest[:12]}-{attempt.trial.number}", self._execute, arguments)
