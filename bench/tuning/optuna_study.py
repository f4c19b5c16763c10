"""Tuning with Optuna: any number of processes share one Optuna study and try N settings together.

Optuna counts trials, and those of dead processes count too; so the N settings have places, 0 to
N - 1, and a trial carries its place. A place is done when a trial of it completed, was pruned or
diverged. A process enqueues a trial for the first place that nobody has, asks Optuna for a trial,
and gives it up at once where an earlier trial of the same place is alive (two processes chose it at
the same moment): so no place is lost and none is tried twice. What a killed process left running
is failed - at once where its process id on this machine is gone, else when its heartbeat (there is
none with a journal file) is old - and its place is tried again, with the same values.

One process is deterministic, interrupted or not: TPE's draws are seeded by the place.

This is the only module that imports Optuna, in functions; its log lines are silenced.
"""

from __future__ import annotations

import contextlib
import time
import warnings
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.errors import one_line
from bench.seeds import derive
from bench.tracking.sent import redacted
from bench.tuning import liveness
from bench.tuning.places import summarise
from bench.tuning.plan import Diverged, Objective, Plan, Row, TuningError
from bench.tuning.space import Parameter, defaults
from bench.tuning.sqlite import lock_transactions

if TYPE_CHECKING:
    from optuna import Study, Trial
    from optuna.pruners import BasePruner
    from optuna.samplers import BaseSampler
    from optuna.storages import BaseStorage
    from optuna.trial import FrozenTrial

STARTUP = 6
"""Settings drawn at random, the default among them, before TPE has something to go by."""
HEARTBEAT, GRACE = 30, 180  # seconds
OPENING = 5  # attempts: two processes may make the same tables at the same moment
JOURNAL = "journal:"


class _Surplus(Exception):
    """Another trial has this one's place."""


class Tuner:
    """A plan's Optuna study, opened or made. Raises TuningError where it cannot be reached."""

    def __init__(self, plan: Plan) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.CRITICAL)
        self.plan = plan
        self._given_up: set[int] = set()  # places that failed in this process
        single = len(plan.objectives) == 1
        with _guarded(plan.url):
            self.study: Study = optuna.create_study(
                storage=_storage(plan.url),
                sampler=_sampler(plan.seed),
                pruner=_pruner(plan),
                study_name=plan.name,
                load_if_exists=True,
                direction="maximize" if single else None,
                directions=None if single else ["maximize", "minimize"],
            )

    def rows(self) -> list[Row]:
        """Every place in order, as the storage has it now."""
        with _guarded(self.plan.url):
            return [summarise(place, tried) for place, tried in enumerate(self._places())]

    def find_free_place(self) -> int | None:
        """The first place to try, once what dead processes have left is released.

        A place that failed is free to be tried again, but not by the process in which it failed.
        """
        with _guarded(self.plan.url):
            _release_dead(self.study)
        for row in self.rows():
            retried = row.state == "failed" and row.place not in self._given_up
            if row.state == "waiting" or retried:
                return row.place
        return None

    def attempt(self, place: int, objective: Objective) -> Row | None:
        """Try a place; None where another process was quicker.

        Whatever the objective raises fails the place (`Row.error` says why), but for
        KeyboardInterrupt, which leaves it free.
        """
        import optuna

        claimed: list[Trial] = []

        def one(trial: Trial) -> tuple[float, ...]:
            self._claim(trial)
            claimed.append(trial)
            return _attempt(trial, self.plan, objective)

        with _guarded(self.plan.url):
            if not any(trial.state.name == "WAITING" for trial in self._places()[place]):
                self._enqueue(place)
            try:
                self.study.optimize(one, n_trials=1, catch=(Exception,))
            except (ValueError, optuna.exceptions.UpdateFinishedTrialError):
                number = claimed[0].number if claimed else None
                if number is None or not self.study.trials[number].state.is_finished():
                    raise
                return None  # it was taken for dead, and is or will be tried again
        if not claimed:
            return None
        row = self.rows()[claimed[0].user_attrs["place"]]
        if row.state == "failed":
            self._given_up.add(row.place)
        return row

    def importances(self) -> dict[str, float]:
        """Shares of the accuracy's variance over complete trials (fANOVA); empty if too few."""
        import optuna

        values = {row.values[0] for row in self.rows() if row.values is not None}
        if len(values) < 4:
            return {}
        seed = derive("importances", self.plan.seed) % 2**32
        with _guarded(self.plan.url):
            shares = optuna.importance.get_param_importances(
                self.study,
                evaluator=optuna.importance.FanovaImportanceEvaluator(seed=seed),
                target=lambda trial: trial.values[0],
            )
        return {name: float(shares[name]) for name in sorted(shares)}

    def _places(self) -> list[list[FrozenTrial]]:
        """By place, the trials that tried it or will, oldest first."""
        places: list[list[FrozenTrial]] = [[] for _ in range(self.plan.trials)]
        for trial in self.study.get_trials(deepcopy=False):
            place = trial.user_attrs.get("place")
            if place is not None and place < len(places) and "surplus" not in trial.user_attrs:
                places[place].append(trial)
        return places

    def _enqueue(self, place: int) -> None:
        """A trial of a place, with the values with which it was begun before, if it was."""
        before = [trial.params for trial in self._places()[place] if trial.params]
        values = defaults(self.plan.parameters) if place == 0 else {}
        values = dict(before[-1]) if before else values
        self.study.enqueue_trial(values, user_attrs={"place": place})

    def _claim(self, trial: Trial) -> None:
        """Make a trial ours. Raises _Surplus where it has no place, or another one has it.

        One of a place beyond this plan's is of a process that wants more; it will ask again.
        """
        place = trial.user_attrs.get("place")
        alive = ("RUNNING", "COMPLETE", "PRUNED")
        if (
            place is None
            or place >= self.plan.trials
            or any(
                other.number < trial.number and other.state.name in alive
                for other in self.study.get_trials(deepcopy=False)
                if other.user_attrs.get("place") == place and "surplus" not in other.user_attrs
            )
        ):
            trial.set_user_attr("surplus", True)
            raise _Surplus
        trial.set_user_attr("worker", liveness.this_process())


def _attempt(trial: Trial, plan: Plan, objective: Objective) -> tuple[float, ...]:
    import optuna

    single = len(plan.objectives) == 1

    def report(step: int, accuracy: float) -> None:
        if not single:  # Optuna prunes only where there is one objective
            return
        trial.report(accuracy, step)
        if step < plan.steps and trial.should_prune():
            raise optuna.TrialPruned

    begun = time.perf_counter()
    try:
        values = {parameter.name: _suggest(trial, parameter) for parameter in plan.parameters}
        outcome = objective(values, report)
        trial.set_user_attr("facts", outcome.facts)
    except optuna.TrialPruned:
        raise
    except Diverged as error:
        trial.set_user_attr("diverged", str(error))
        if single:
            raise optuna.TrialPruned from error
        raise
    except Exception as error:
        trial.set_user_attr("error", f"{type(error).__name__}: {one_line(error)}"[:1000])
        raise
    finally:
        trial.set_user_attr("seconds", time.perf_counter() - begun)
    return outcome.values[: len(plan.objectives)]


def _suggest(trial: Trial, parameter: Parameter) -> float | int:
    name, low, high = parameter.name, parameter.low, parameter.high
    if parameter.choices:
        return int(trial.suggest_categorical(name, parameter.choices))
    if parameter.whole:
        return trial.suggest_int(name, int(low), int(high))
    return trial.suggest_float(name, low, high, log=parameter.log)


def _release_dead(study: Study) -> None:
    """Fail the trials whose process has ended."""
    import optuna

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        optuna.storages.fail_stale_trials(study)
    for trial in study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.RUNNING,)):
        worker = trial.user_attrs.get("worker")
        if worker is None:  # it died before it said who it is, or is just about to say so
            started = trial.datetime_start or datetime.now()
            dead = (datetime.now() - started).total_seconds() > GRACE
        else:
            dead = liveness.is_gone(worker)
        if dead:
            with contextlib.suppress(ValueError):  # another process has just done so
                study.tell(trial.number, state=optuna.trial.TrialState.FAIL, skip_if_finished=True)


def _sampler(seed: int) -> BaseSampler:
    import optuna

    class Seeded(optuna.samplers.TPESampler):
        """TPE whose draws are a function of the seed, the place and the finished trials."""

        def before_trial(self, study: Study, trial: FrozenTrial) -> None:
            place = trial.user_attrs.get("place", trial.number)
            own = derive("tpe", seed, place) % 2**32
            super().__init__(n_startup_trials=STARTUP, seed=own)  # as if each had its own sampler
            super().before_trial(study, trial)

    return Seeded(n_startup_trials=STARTUP)


def _pruner(plan: Plan) -> BasePruner:
    import optuna

    class ByPlace(optuna.pruners.HyperbandPruner):
        """A trial's bracket is its place's, whichever attempt it is."""

        def _get_bracket_id(self, study: Study, trial: FrozenTrial) -> int:
            place = trial.user_attrs.get("place", trial.number)
            numbered = optuna.trial.create_trial(state=optuna.trial.TrialState.RUNNING)
            numbered.number = place
            return int(super()._get_bracket_id(study, numbered))

    if plan.pruner == "none" or len(plan.objectives) > 1:
        return optuna.pruners.NopPruner()
    if plan.pruner == "median":
        return optuna.pruners.MedianPruner(
            n_startup_trials=4, n_warmup_steps=max(1, plan.steps // 4)
        )
    return ByPlace(min_resource=max(1, plan.steps // 9), max_resource=plan.steps)


def _storage(url: str) -> BaseStorage:
    from optuna import storages
    from optuna.storages.journal import JournalFileBackend
    from sqlalchemy.exc import DBAPIError

    if url.startswith(JOURNAL):
        path = Path(url.removeprefix(JOURNAL))
        path.parent.mkdir(parents=True, exist_ok=True)
        return storages.JournalStorage(JournalFileBackend(str(path)))
    options: dict[str, Any] = {"pool_pre_ping": True}
    if url.startswith("sqlite:///"):
        Path(url.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
        options = {"connect_args": {"timeout": 60}}
    for left in reversed(range(OPENING)):
        try:
            opened = storages.RDBStorage(
                url, options, heartbeat_interval=HEARTBEAT, grace_period=GRACE
            )
            break
        except DBAPIError:
            if not left:
                raise
            time.sleep(0.3)
    if url.startswith("sqlite:"):
        lock_transactions(opened.engine)
    return opened


@contextlib.contextmanager
def _guarded(url: str) -> Iterator[None]:
    """A storage's errors become TuningError; warnings of experimental parts are not shown."""
    import optuna
    from sqlalchemy.exc import SQLAlchemyError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            yield
    except (SQLAlchemyError, optuna.exceptions.StorageInternalError, ImportError, OSError) as error:
        reason = one_line(error.__cause__ or error)[:200]
        raise TuningError(f"--storage {redacted(url)}: {reason}") from error
