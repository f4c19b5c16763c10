"""Plans with analytic objectives, and a process that tunes one: `python -m support.quick URL`."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from bench.tuning.optuna_study import Tuner
from bench.tuning.plan import Diverged, Outcome, Plan, Report
from bench.tuning.space import Parameter, Values

SPACE = (
    Parameter("learning_rate", 0.05, 0.005, 0.3, log=True),
    Parameter("drop_path", 0.0, 0.0, 0.3),
    Parameter("batch_size", 64, choices=(32, 64, 128)),
    Parameter("cutout", 0, 0, 7, whole=True),
)
STEPS = 4


def plan(url: str, trials: int = 12, **changes: object) -> Plan:
    arguments = {"name": "quick", "url": url, "trials": trials, "parameters": SPACE}
    return Plan(**{**arguments, "steps": STEPS, **changes})  # type: ignore[arg-type]


def accuracy(values: Values) -> float:
    """Highest, 0.9, at learning rate 0.1 and drop path 0.1."""
    return 0.9 - (values["learning_rate"] - 0.1) ** 2 - (values["drop_path"] - 0.1) ** 2


def objective(values: Values, report: Report) -> Outcome:
    if values["learning_rate"] > 0.25:
        raise Diverged("the loss became nan")
    for step in range(1, STEPS + 1):
        report(step, accuracy(values) * step / STEPS)
    return Outcome((accuracy(values),), {"parameters": 100})


def two(values: Values, report: Report) -> Outcome:
    return Outcome((accuracy(values), 1000.0 * (1 - values["drop_path"])), {})


def tune(tuner: Tuner, with_objective: object = objective) -> int:
    """Work until every place is done; how many were done here."""
    done = 0
    while not all(row.done for row in tuner.rows()):
        place = tuner.find_free_place()
        if place is None:
            time.sleep(0.05)
            continue
        done += tuner.attempt(place, with_objective) is not None  # type: ignore[arg-type]
    return done


def work(url: str) -> None:
    """Says which places it tries; hangs at the place HANG, if that is set."""

    def slow(values: Values, report: Report) -> Outcome:
        print("trying", flush=True)
        if os.environ.get("HANG"):
            time.sleep(600)
        time.sleep(0.05)
        return objective(values, report)

    print("done", tune(Tuner(plan(url)), slow), flush=True)


def start(url: str, **variables: str) -> subprocess.Popen[str]:
    """A process that works on the plan at `url`."""
    here = Path(__file__)
    paths = os.pathsep.join([str(here.parents[2]), str(here.parents[1])])
    return subprocess.Popen(
        [sys.executable, "-m", "support.quick", url],
        env={**os.environ, "PYTHONPATH": paths, **variables},
        stdout=subprocess.PIPE,
        text=True,
    )


def check_complete(tuner: Tuner) -> None:
    """Every place is done, by exactly one trial."""
    assert all(row.done for row in tuner.rows())
    finished = Counter(
        trial.user_attrs["place"]
        for trial in tuner.study.trials
        if trial.state.name in ("COMPLETE", "PRUNED")
    )
    assert finished == dict.fromkeys(range(tuner.plan.trials), 1)


if __name__ == "__main__":
    work(sys.argv[1])
