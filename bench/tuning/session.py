"""One `bench tune`: what is tuned together, the work, and what is left of it.

results/<study>/tuning/<name>/: tuning.json is the record (every setting tried, what came of it,
what it cost); tables and figures are made from it; settings.yaml, the best settings, is written
once every group has had its whole budget.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from bench.errors import ConfigurationError
from bench.records.store import Store
from bench.run import environment, machine, session
from bench.study.model import Study
from bench.tabular.config import TabularConfig
from bench.tuning import helpers as tuning_helpers
from bench.tuning import records as tuning_records
from bench.tuning.objective import Found, Validation
from bench.tuning.optuna_study import Tuner
from bench.tuning.plan import Plan, Pruner, Row
from bench.tuning.space import parameters

Per = Literal["trial", "method", "study"]
WriteTables = Callable[[Path, Mapping[str, Any]], Sequence[Path]]
"""(folder, the tuning's record) -> the files written."""
POLL = 2.0  # seconds between looks at what other processes do


@dataclass(frozen=True)
class Settings:
    """What is tuned, how hard, and where.

    epochs: of one training; None: the study's. architectures: of a group, at most; None: all.
    storage: an Optuna URL; None: a database beside the results. timeout: seconds after which
    this process begins no further setting. workers: processes, this one among them.
    """

    per: Per = "method"
    trials: int = 20
    epochs: int | None = None
    architectures: int | None = None
    only: tuple[str, ...] = ()
    pruner: Pruner = "median"
    objectives: tuple[str, ...] = ("accuracy",)
    storage: str | None = None
    timeout: float | None = None
    seed: int = 0
    device: str = "auto"
    data_root: Path | None = None
    tracking_uri: str | None = None
    workers: int = 1

    @property
    def name(self) -> str:
        """Of the folder of results."""
        return "-".join([self.per, *self.objectives[1:]])


@dataclass(frozen=True)
class Group:
    """Trials that get the same settings, and their architectures that these are tuned on."""

    of: dict[str, Any]
    size: int
    found: tuple[Found, ...]

    def __str__(self) -> str:
        return " ".join(str(value) for value in self.of.values())


def run(study: Study, store: Store, settings: Settings, write_tables: WriteTables) -> bool:
    """Tune until every group has had its budget, or time is up; whether it has.

    Raises ResultsError, ConfigurationError, DataError or TuningError before any training.
    """
    import torch

    from bench.data.loading import load
    from bench.run.trial import set_up

    if any(isinstance(trial.evaluation, TabularConfig) for trial in study.trials):
        raise ConfigurationError(
            f"study {study.name}: evaluation.kind = tabular: nothing is trained, so nothing can be"
            " tuned"
        )
    groups = _groups(study, store, settings)
    device = torch.device(machine.devices(settings.device, 1, 1, 1)[0])
    configs = {found.trial.dataset: found.trial.data for group in groups for found in group.found}
    data = {
        name: load(config, settings.data_root, device).search for name, config in configs.items()
    }
    set_up(groups[0].found[0].trial.search.threads)
    work = [_Work(study, store, settings, group, data) for group in groups]
    folder = store.folder / "tuning" / settings.name
    tracker = session.Tracker(store.folder, settings.tracking_uri)
    tracker.say(f"{study.name}: {settings.trials} settings for each of {len(groups)} group(s)")

    def record() -> dict[str, Any]:
        made = tuning_records.record(study, settings, work, environment.describe(device))
        tuning_records.write(folder, made)
        return made

    with tuning_helpers.working(settings.workers - 1):
        try:
            _work(work, settings, tracker, record)
        finally:
            made = record()
    tracker.tuning(made)
    for path in write_tables(folder, made):
        print(path)
    left = sum(not row.done for one in work for row in one.tuner.rows())
    if left:
        tracker.say(f"{left} settings are not done; run the same command to go on")
    return not left


class _Work:
    """A group's plan, tuner and objective."""

    def __init__(
        self, study: Study, store: Store, settings: Settings, group: Group, data: Mapping[str, Any]
    ) -> None:
        first = group.found[0].trial
        self.group = group
        epochs = settings.epochs or first.evaluation.epochs
        self.objective = Validation(group.found, data, epochs)
        space = parameters(
            first, min(data[first.dataset].shape[1:]), settings.only, settings.per != "study"
        )
        url = settings.storage or f"sqlite:///{store.folder / 'tuning' / 'optuna.db'}"
        plan = Plan(
            name="",
            url=url,
            trials=settings.trials,
            parameters=space,
            steps=self.objective.steps,
            pruner=settings.pruner,
            objectives=settings.objectives,
            seed=settings.seed,
        )
        self.plan = dataclasses.replace(plan, name=self._name(study, plan))
        self.tuner = Tuner(self.plan)

    def _name(self, study: Study, plan: Plan) -> str:
        """Of the Optuna study: another one for everything that changes what a value means."""
        meant = {
            "architectures": [(f.trial.id, f.genotype.digest) for f in self.group.found],
            "epochs": self.objective.epochs,
            "parameters": [dataclasses.asdict(parameter) for parameter in plan.parameters],
            "pruner": plan.pruner,
            "objectives": plan.objectives,
            "seed": plan.seed,
        }
        digest = hashlib.sha256(json.dumps(meant, sort_keys=True).encode()).hexdigest()
        return f"{study.name}: {self.group}: {digest[:12]}"


def _work(
    work: Sequence[_Work],
    settings: Settings,
    tracker: session.Tracker,
    record: Callable[[], Mapping[str, Any]],
) -> None:
    begun = time.monotonic()
    waited = False
    while settings.timeout is None or time.monotonic() - begun < settings.timeout:
        chosen = next(((one, p) for one in work if (p := one.tuner.free()) is not None), None)
        if chosen is None:
            if not any(row.state == "running" for one in work for row in one.tuner.rows()):
                return
            if not waited:
                tracker.say("all settings are taken; waiting for the other processes to finish")
            waited = True
            time.sleep(POLL)
            continue
        one, place = chosen
        row = one.tuner.attempt(place, one.objective)
        if row is not None:
            tracker.say(_line(one, row, settings))
            tracker.tuning(record())


def _line(one: _Work, row: Row, settings: Settings) -> str:
    rows = one.tuner.rows()
    said = {
        "complete": f"validation accuracy {row.values[0]:.4f}" if row.values else "",
        "pruned": f"pruned after {len(row.steps)} of {one.plan.steps} epochs",
    }.get(row.state, f"{row.state}: {row.error}")
    best = max((other.values[0] for other in rows if other.values), default=None)
    so_far = "" if best is None else f"; best {best:.4f}"
    done = sum(other.done for other in rows)
    return f"[{one.group}: {done}/{settings.trials}] {said}, {row.seconds:.0f} s{so_far}"


def _groups(study: Study, store: Store, settings: Settings) -> list[Group]:
    standing = session.finished_or_error(study, store)
    records = {record["trial"]["id"]: record for record in standing.finished}
    unfinished = len(study.trials) - len(records)
    if unfinished:
        print(
            f"warning: {unfinished} of {len(study.trials)} trials are not finished; their"
            " architectures are left out",
            file=sys.stderr,
        )
    keys = {"trial": ("method", "dataset", "seed"), "method": ("method", "dataset")}
    groups: dict[tuple[Any, ...], Group] = {}
    for trial in study.trials:
        of: dict[str, Any] = {"method": trial.label, "dataset": trial.dataset, "seed": trial.seed}
        of = {key: of[key] for key in keys.get(settings.per, ("dataset",))}
        place = tuple(of.values())
        known = groups.setdefault(place, Group(of, 0, ()))
        found = known.found
        if trial.id in records:
            from bench.space.genotype import Genotype

            found += (Found(trial, Genotype.from_json(records[trial.id]["genotype"])),)
        groups[place] = Group(of, known.size + 1, found)
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
    for one in found:
        if sum(other.trial.label == one.trial.label for other in kept) < limit:
            kept.append(one)
    return tuple(kept)
