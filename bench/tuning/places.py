"""A place of a tuning, from the Optuna trials that tried it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from bench.tuning.plan import Row

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial


def summarise(place: int, tried: list[FrozenTrial]) -> Row:
    """What came of a place that these trials tried, oldest first."""
    if not tried:
        return Row(place, "waiting")
    done = [trial for trial in tried if _state(trial) in ("complete", "pruned", "diverged")]
    running = [trial for trial in tried if _state(trial) == "running"]
    trial = (done or running or tried[-1:])[0]
    return Row(
        place=place,
        state=_state(trial),
        parameters=dict(trial.params),
        values=tuple(trial.values) if _state(trial) == "complete" else None,
        seconds=sum(each.user_attrs.get("seconds", 0.0) for each in tried),
        attempts=sum(each.state.name != "WAITING" for each in tried),
        steps=dict(sorted(trial.intermediate_values.items())),
        facts=trial.user_attrs.get("facts", {}),
        error=trial.user_attrs.get("diverged", trial.user_attrs.get("error")),
        started=_time(trial.datetime_start),
        finished=_time(trial.datetime_complete),
    )


def _state(trial: FrozenTrial) -> str:
    if "diverged" in trial.user_attrs and trial.state.is_finished():
        return "diverged"
    if trial.state.name == "FAIL":  # without an error it was interrupted, or its process died
        return "failed" if "error" in trial.user_attrs else "waiting"
    return str(trial.state.name.lower())


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone().isoformat(timespec="seconds")
