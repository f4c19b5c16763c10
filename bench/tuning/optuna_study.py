"""A tuning's Optuna study, which one process alone asks and tells.

A setting is an Optuna trial, whose number seeds TPE's draws. What an earlier command left running
is trained again under the same number, with the same values. A failed one is tried again, with the
same values, by another trial that names it (AGAIN), once a command.

This is the only module that imports Optuna, in functions; its log lines are silenced.
"""

from __future__ import annotations

import contextlib
import functools
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.errors import BenchError, one_line
from bench.locks import Lease
from bench.run.setting import Outcome
from bench.seeds import derive
from bench.study.hyperparameters import Parameter, defaults
from bench.tracking.sent import redacted
from bench.tuning.plan import Settings

if TYPE_CHECKING:
    from optuna import Study, Trial
    from optuna.pruners import BasePruner
    from optuna.samplers import BaseSampler
    from optuna.storages import BaseStorage
    from optuna.trial import FrozenTrial

STARTUP = 6
"""Settings drawn at random, the default among them, before TPE has something to go by."""
AGAIN = "again"
"""A trial's attribute: the number of the failed one whose setting it tries."""
DRIVER = "driver"
"""The study's attribute: the lease of who asks and tells."""

Row = dict[str, Any]
"""A setting and what came of it, as `Tuner.rows` lists them."""


class TuningError(BenchError):
    """The storage cannot be reached, or refuses."""


@dataclass(frozen=True)
class Attempt:
    """A setting to be trained. place: among all settings, from 0; steps: what it has reported."""

    trial: Trial
    place: int
    values: dict[str, float | int]
    steps: dict[int, float]


class Tuner:
    """An Optuna study, opened or made; it is to be used within `explaining`."""

    def __init__(
        self, name: str, url: str, parameters: Sequence[Parameter], steps: int, settings: Settings
    ) -> None:
        """url: of an Optuna storage. steps: reports of a setting that is not pruned.

        Raises TuningError where the storage cannot be reached.
        """
        import optuna

        optuna.logging.set_verbosity(optuna.logging.CRITICAL)
        self.name, self.parameters, self.steps = name, tuple(parameters), steps
        self.budget = settings.trials
        self._seed = derive("importances", settings.seed) % 2**32
        directions: Any = ["maximize", "minimize"][: len(settings.objectives)]
        self._objectives = len(directions)
        self.left: list[FrozenTrial] = []  # running when an earlier driver ended; taken first
        with explaining(url, ImportError, OSError):
            self.study: Study = optuna.create_study(
                storage=_open_storage(url),
                sampler=_make_sampler(settings.seed),
                pruner=_make_pruner(settings, steps),
                study_name=name,
                load_if_exists=True,
                directions=directions,
            )

    def rows(self) -> list[Row]:
        """Every setting within the budget, in order, as the storage has it now.

        place; state (see `bench.tuning.plan.DONE`); parameters; values of the objectives, where
        complete; seconds and number of all attempts; (step, accuracy) as reported; facts, error.
        """
        tried = self._list_tried()
        tried += [[] for _ in range(self.budget - len(tried))]
        return [_describe(place, tried[place]) for place in range(self.budget)]

    def begin(self, driver: str) -> Lease:
        """Be the one who asks and tells, and see what the one before has left.

        driver: machine and folder, where nobody else is. Raises LockError where another one lives.
        """
        write = functools.partial(self.study.set_user_attr, DRIVER)
        self._lease = Lease(self.name, driver, lambda: self.study.user_attrs.get(DRIVER), write)
        tried = self._list_tried()[: self.budget]
        if not tried:
            self.study.enqueue_trial(defaults(self.parameters))
        self.left = [trials[-1] for trials in tried if _state(trials[-1]) == "running"]
        for trials in tried:
            if _state(trials[-1]) == "failed":
                again = {AGAIN: trials[0].number}
                self.study.enqueue_trial(trials[-1].params, user_attrs=again)
        return self._lease

    def take(self) -> Attempt | None:
        """A setting to train: what was left, or a new one within the budget."""
        import optuna

        self._lease.check()
        if self.left:
            left = self.left.pop(0)
            trial, steps = optuna.Trial(self.study, left._trial_id), left.intermediate_values
        else:
            tried = self._list_tried()
            waiting = any(_state(trials[-1]) == "waiting" for trials in tried)
            if len(tried) >= self.budget and not waiting:
                return None
            trial, steps = self.study.ask(), {}
        values = {parameter.name: _suggest(trial, parameter) for parameter in self.parameters}
        numbers = [trials[-1].number for trials in self._list_tried()]
        return Attempt(trial, numbers.index(trial.number), values, dict(steps))

    def report(self, attempt: Attempt, step: int, accuracy: float) -> bool:
        """Keep what a setting has come to; whether it is to be pruned."""
        if self._objectives > 1:  # Optuna prunes only where there is one
            return False
        self._lease.check()
        if step not in attempt.steps:
            attempt.trial.report(accuracy, step)
            attempt.steps[step] = accuracy
        # earlier ones were judged before an interruption, the last one perhaps not
        is_last = step == max(attempt.steps) and step < self.steps
        return is_last and attempt.trial.should_prune()

    def prune(self, attempt: Attempt, seconds: float) -> Row:
        """A setting is not worth training on."""
        return self._tell(attempt, "PRUNED", seconds)

    def fail(self, attempt: Attempt, seconds: float, error: str) -> Row:
        """A mistake has ended a setting's training."""
        return self._tell(attempt, "FAIL", seconds, error=one_line(error)[:1000])

    def complete(self, attempt: Attempt, outcome: Outcome) -> Row:
        """A setting was trained to its end, or its training broke down."""
        for step in outcome.steps.keys() - attempt.steps.keys():  # reported while nobody listened
            if self._objectives == 1:
                attempt.trial.report(outcome.steps[step], step)
        if outcome.diverged is not None:
            state = "PRUNED" if self._objectives == 1 else "FAIL"
            return self._tell(attempt, state, outcome.seconds, diverged=outcome.diverged)
        values = list(outcome.values[: self._objectives])
        return self._tell(attempt, "COMPLETE", outcome.seconds, values, facts=dict(outcome.facts))

    def importances(self) -> dict[str, float]:
        """Shares of the accuracy's variance over complete trials (fANOVA); empty if too few."""
        from optuna import importance

        if len({row["values"][0] for row in self.rows() if row["values"]}) < 4:
            return {}
        fanova = importance.FanovaImportanceEvaluator(seed=self._seed)
        shares = importance.get_param_importances(
            self.study, evaluator=fanova, target=lambda trial: trial.values[0]
        )
        return {name: float(shares[name]) for name in sorted(shares)}

    def _list_tried(self) -> list[list[FrozenTrial]]:
        """Of each setting the trials that tried it or will, oldest first."""
        settings: dict[int, list[FrozenTrial]] = {}
        for trial in self.study.get_trials(deepcopy=False):
            settings.setdefault(trial.user_attrs.get(AGAIN, trial.number), []).append(trial)
        return list(settings.values())

    def _tell(
        self,
        attempt: Attempt,
        state: str,
        seconds: float,
        values: list[float] | None = None,
        **facts: Any,
    ) -> Row:
        import optuna

        self._lease.check()
        for name, fact in {"seconds": seconds, **facts}.items():
            attempt.trial.set_user_attr(name, fact)
        self.study.tell(attempt.trial, values, state=optuna.trial.TrialState[state])
        return _describe(attempt.place, self._list_tried()[attempt.place])


def _suggest(trial: Trial, parameter: Parameter) -> float | int:
    """As a number of Python's: a sampler's may be NumPy's, and not so when it is read again."""
    name, low, high = parameter.name, parameter.low, parameter.high
    if parameter.choices:
        return int(trial.suggest_categorical(name, parameter.choices))
    if parameter.whole:
        return int(trial.suggest_int(name, int(low), int(high)))
    return float(trial.suggest_float(name, low, high, log=parameter.log))


def _describe(place: int, trials: Sequence[FrozenTrial]) -> Row:
    state = _state(trials[-1]) if trials else "waiting"
    attributes = trials[-1].user_attrs if trials else {}
    return {
        "place": place,
        "state": state,
        "parameters": dict(trials[-1].params) if trials else {},
        "values": list(trials[-1].values) if state == "complete" else None,
        "seconds": sum(trial.user_attrs.get("seconds", 0.0) for trial in trials),
        "attempts": sum(trial.state.name != "WAITING" for trial in trials),
        "steps": sorted(trials[-1].intermediate_values.items()) if trials else [],
        "facts": attributes.get("facts", {}),
        "error": attributes.get("diverged", attributes.get("error")),
        "started": _format(trials[-1].datetime_start) if trials else None,
        "finished": _format(trials[-1].datetime_complete) if trials else None,
    }


def _state(trial: FrozenTrial) -> str:
    if "diverged" in trial.user_attrs and trial.state.is_finished():
        return "diverged"
    return "failed" if trial.state.name == "FAIL" else str(trial.state.name.lower())


def _format(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone().isoformat(timespec="seconds")


def _make_sampler(seed: int) -> BaseSampler:
    import optuna

    class Seeded(optuna.samplers.TPESampler):
        """TPE whose draws depend on the seed, the trial's number and the other trials alone."""

        def before_trial(self, study: Study, trial: FrozenTrial) -> None:
            self._reseed(trial.number)
            super().before_trial(study, trial)

        def sample_independent(self, study: Study, trial: FrozenTrial, *parameter: Any) -> Any:
            self._reseed(trial.number, parameter[0])  # it may be killed between two of them
            return super().sample_independent(study, trial, *parameter)

        def _reseed(self, *of: int | str) -> None:
            own = derive("tpe", seed, *of) % 2**32
            super().__init__(n_startup_trials=STARTUP, seed=own, constant_liar=True)

    return Seeded()


def _make_pruner(settings: Settings, steps: int) -> BasePruner:
    from optuna import pruners

    if settings.pruner == "none" or len(settings.objectives) > 1:
        return pruners.NopPruner()
    if settings.pruner == "median":
        return pruners.MedianPruner(n_startup_trials=4, n_warmup_steps=max(1, steps // 4))
    return pruners.HyperbandPruner(min_resource=max(1, steps // 9), max_resource=steps)


def _open_storage(url: str) -> BaseStorage:
    from optuna.storages import RDBStorage

    if not url.startswith("sqlite:///"):
        return RDBStorage(url, {"pool_pre_ping": True})  # the server may have been restarted
    Path(url.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
    return RDBStorage(url, {"connect_args": {"timeout": 60}})  # seconds, for a dashboard


@contextlib.contextmanager
def explaining(url: str, *more: type[Exception]) -> Iterator[None]:
    """A storage's errors become TuningError; warnings of experimental parts are not shown."""
    from optuna.exceptions import ExperimentalWarning, StorageInternalError
    from sqlalchemy.exc import SQLAlchemyError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            yield
    except (SQLAlchemyError, StorageInternalError, *more) as error:  # type: ignore[misc]
        reason = one_line(error.__cause__ or error)[:200]
        raise TuningError(f"--storage {redacted(url)}: {reason}") from error
