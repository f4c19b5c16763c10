"""`bench tune` on a real Ray of two nodes, one of which is killed; settings train in no time."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support import tuned_study
from support.ray_machine import RayMachine, open_machine, reason_to_skip

from bench.cluster.file import RayCluster
from bench.run.engines import Engine
from bench.run.messages import Job, Message, Outcome, Started
from bench.run.schedule import Pool
from bench.tuning import session

SKIP = reason_to_skip()
pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(SKIP), reason=SKIP)]
ROOT = Path(__file__).parents[2]
KILL_AFTER = 40  # messages: some settings are told, two are trained
Said = list[tuple[str, Message]]


class Watched:
    """A pool of Ray; what it says is noted, and one of its nodes is killed in the middle."""

    def __init__(self, pool: Pool, machine: RayMachine, said: Said) -> None:
        self._pool, self._machine, self._said = pool, machine, said

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pool, name)

    def messages(self) -> Iterator[tuple[str, Message]]:
        for pair in self._pool.messages():
            self._said.append(pair)
            if len(self._said) == KILL_AFTER:
                threading.Thread(target=self._machine.kill, args=(1,)).start()
            yield pair


class Recorded:
    """A pool on this machine that says what another one has said."""

    workers, where, has_room = 64, "a record", True

    def __init__(self, said: Said) -> None:
        self._said, self._open = said, set[str]()

    def submit(self, job: Job) -> None:
        self._open.add(job.name)

    def messages(self) -> Iterator[tuple[str, Message]]:
        for name, message in self._said:
            assert name in self._open, "it is asked for in another order"
            if isinstance(message, Outcome):
                self._open.remove(name)
            yield name, message

    def stop(self, name: str) -> None:
        pass

    def forget(self, name: str) -> None:
        pass

    def close(self) -> None:
        pass


def tune(folder: Path, **settings: Any) -> dict[str, Any]:
    """The record of a tuning of twenty settings, of its one group."""
    folder.mkdir()
    study, store = tuned_study.make(folder)
    plan = tuned_study.settings(
        trials=20, execute="support.quick:train", pruner="median", **settings
    )
    assert session.run(study, store, plan, tuned_study.write_nothing)
    record = json.loads((store.folder / "tuning/method/tuning.json").read_text())
    group: dict[str, Any] = record["groups"][0]
    return group


def lasting(group: dict[str, Any]) -> list[Any]:
    keys = ("place", "state", "parameters", "values", "steps", "attempts")
    return [group["best"], *([row[key] for key in keys] for row in group["rows"])]


def test_twenty_settings_on_two_nodes_of_which_one_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None is lost, none is told twice; the same order on this machine gives the same settings."""
    said: Said = []
    deeds = tmp_path / "deeds"
    deeds.write_text('{"pace": 0.2}')
    paths = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    with open_machine() as machine:
        variables = {"PYTHONPATH": paths, "QUICK": str(deeds)}
        cluster = RayCluster(address=machine.address, runtime_env={"env_vars": variables})
        pool = Engine.open
        monkeypatch.setattr(
            Engine, "open", lambda self, *how: Watched(pool(self, *how), machine, said)
        )
        on_ray = tune(tmp_path / "ray", cluster=cluster)
    assert len(said) > KILL_AFTER
    outcomes = [name for name, message in said if isinstance(message, Outcome)]
    started = [name for name, message in said if isinstance(message, Started)]
    assert len(outcomes) == len(set(outcomes)) == 20 <= len(started)
    assert all(row["state"] in ("complete", "pruned", "diverged") for row in on_ray["rows"])
    assert [row["attempts"] for row in on_ray["rows"]] == [1] * 20
    monkeypatch.setattr(Engine, "open", lambda self, *how: Recorded(said))
    assert lasting(tune(tmp_path / "here")) == lasting(on_ray)
