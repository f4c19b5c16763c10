"""`bench run --cluster` on a real Ray of two nodes, with real trials; the command is a process.

What is left is looked at: records, which have to be those of a run on this machine to the bit, and
a log in which every trial notes each of its epochs.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from campaign.commands import ROOT, Ended, Place, Running
from campaign.comparing import read_results
from support.ray_machine import RayMachine, open_machine, reason_to_skip

from bench.cluster.task import OUTCOME
from bench.records.schema import FinishedRecord
from bench.run.environment import code_version

SKIP = reason_to_skip()
pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(SKIP), reason=SKIP)]

ALWAYS = ("--device", "cpu", "--results", "results")
SIX = ("--set", "seeds=[0, 1]")
METHODS = ("darts", "random", "vinnas")
WITHIN = 600.0  # seconds; a busy machine takes its time over figures


@pytest.fixture(scope="module")
def machine() -> Iterator[RayMachine]:
    with open_machine() as opened:
        yield opened


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The records of the six trials, run on this machine."""
    place = Place(tmp_path_factory.mktemp("local") / "place", METHODS)
    ended = place.run("run", *ALWAYS, "--workers", "2", *SIX)
    assert ended.status == 0, ended.err
    return read_results(place.results)


class Scenario:
    """A place in which the command is typed with a Ray cluster's file.

    While the file `hold` is there, trials stand still after an epoch of their evaluation.
    """

    def __init__(self, folder: Path, address: str, methods: tuple[str, ...] = METHODS) -> None:
        self.place = Place(folder / "place", methods)
        self.hold = self.place.folder / "hold"
        self.address = address
        self.paths = [str(ROOT), str(ROOT / "tests")]

    def start(self, *arguments: str, **settings: object) -> Running:
        """Start the command. settings: further ones of the cluster's file."""
        variables = {
            "PYTHONPATH": os.pathsep.join(self.paths),
            "CAMPAIGN_LOG": str(self.place.log),
            "CAMPAIGN_HOLD": str(self.hold),
        }
        env: dict[str, object] = {"env_vars": variables}
        env.update(settings.pop("runtime_env", {}))  # type: ignore[call-overload]
        cluster = {"engine": "ray", "address": self.address, **settings, "runtime_env": env}
        file = self.place.folder / "ray.yaml"
        file.write_text(json.dumps(cluster))  # which is YAML, too
        return self.place.start("run", *ALWAYS, "--cluster", str(file), *arguments)

    def wait_until(self, reached: Callable[[], bool], command: Running) -> None:
        """Wait while the command is at work."""
        assert command.wait_until(reached, WITHIN), (command.err.read_text(), self.place.logged())

    def wait_held(self, command: Running, count: int = 2) -> None:
        """Wait until so many trials have come to where they stand still."""
        self.wait_until(lambda: self.epochs()["evaluation", "1"] >= count, command)

    def epochs(self) -> Counter[tuple[str, ...]]:
        """How often an epoch was trained, over all trials."""
        return Counter(tuple(words[2:]) for words in self.place.logged())

    def begun(self) -> Counter[str]:
        """How often each trial was begun."""
        return Counter(words[1] for words in self.place.logged() if words[2:] == ["begun"])

    def check(self, ended: Ended, local: Mapping[str, Any]) -> None:
        """All records are there and are a local run's, and nothing else is left."""
        assert ended.status == 0 and not ended.has_traceback, ended.err
        results = read_results(self.place.results)
        assert all(isinstance(record, FinishedRecord) for record in self.place.store)
        assert results == local
        assert not list((self.place.results / "checkpoints").glob("*"))
        assert self.most_at_a_time() <= 2

    def check_no_epoch_twice(self) -> None:
        """No trial trained an epoch twice, unless it was the last one before it was ended."""
        attempts: dict[str, list[list[tuple[str, ...]]]] = {}
        for _, trial, *what in self.place.logged():
            if what == ["begun"]:
                attempts.setdefault(trial, []).append([])
            else:
                attempts[trial][-1].append(tuple(what))
        for trial, parts in attempts.items():
            for number, part in enumerate(parts):
                later = {epoch for other in parts[number + 1 :] for epoch in other}
                assert not later & set(part[:-1]), (trial, parts)

    def most_at_a_time(self) -> int:
        """Most trials between their first and their last line of the log."""
        keys = [(words[0], words[1]) for words in self.place.logged()]
        spans = {key: (keys.index(key), len(keys) - keys[::-1].index(key)) for key in keys}
        return max(
            sum(first <= at < last for first, last in spans.values()) for at in range(len(keys))
        )


@pytest.fixture
def six(tmp_path: Path, machine: RayMachine) -> Scenario:
    return Scenario(tmp_path, machine.address)


def test_a_trial_whose_node_is_killed_goes_on_elsewhere_from_its_checkpoint(
    six: Scenario, machine: RayMachine, local: dict[str, Any]
) -> None:
    six.hold.touch()
    command = six.start(*SIX)
    six.wait_held(command)
    lost = machine.processes(1)
    (victim,) = {words[1] for words in six.place.logged() if int(words[0]) in lost}
    machine.kill(1)
    six.hold.unlink()
    ended = command.end(WITHIN)
    machine.start(1)
    six.check(ended, local)
    six.check_no_epoch_twice()
    assert six.begun() == {name: 1 + (name == victim) for name in six.begun()}
    assert f"6 of 6 trials to run on Ray at {machine.address}: 2 nodes, 2 CPUs" in ended.err
    assert len([line for line in ended.lines if "seed" in line and " on " in line]) == 6
    assert "does not see" not in ended.err


def test_nothing_is_trained_twice_when_the_driver_is_ended(
    six: Scenario, local: dict[str, Any]
) -> None:
    """By Ctrl-C, then by SIGKILL while outcomes wait for it; each time the same command goes on."""
    six.hold.touch()
    first = six.start(*SIX)
    six.wait_held(first)
    at_work = {int(words[0]) for words in six.place.logged()}
    os.killpg(first.process.pid, signal.SIGINT)
    ended = first.end(WITHIN)
    assert ended.status == 130 and not ended.has_traceback
    assert ended.lines[-1].startswith("interrupted: 0 of 6 trials finished")
    wait_ended(at_work)
    assert set(six.begun().values()) == {1}

    second = six.start(*SIX)
    six.wait_held(second, count=4)
    os.killpg(second.process.pid, signal.SIGSTOP)
    six.hold.unlink()
    checkpoints = six.place.results / "checkpoints"
    six.wait_until(lambda: len(list(checkpoints.glob(f"*/{OUTCOME}"))) >= 2, second)
    second.kill()
    wait_ended({int(words[0]) for words in six.place.logged()})
    settled = {path.parent.name for path in checkpoints.glob(f"*/{OUTCOME}")}
    settled |= {record.trial.stem for record in six.place.store}
    before = six.begun()

    ended = six.start(*SIX).end(WITHIN)
    six.check(ended, local)
    six.check_no_epoch_twice()
    assert {name: six.begun()[name] for name in settled} == {n: before[n] for n in settled}


def test_uploaded_code_runs_and_its_records_have_the_drivers_commit(
    tmp_path: Path, machine: RayMachine, local: dict[str, Any]
) -> None:
    one = Scenario(tmp_path, machine.address, ("random",))
    code = tmp_path / "code"
    for name in ("bench", "methods", "tests/campaign", "tests/support"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, code / Path(name).name, ignore=ignored)
    trials = code / "campaign" / "trials.py"
    trials.write_text(trials.read_text().replace(" begun", " uploaded"))
    one.paths = []
    ended = one.start(runtime_env={"working_dir": str(code)}).end(WITHIN)
    assert ended.status == 0, ended.err
    assert [words[2:] for words in one.place.logged() if len(words) == 3] == [["uploaded"]]
    (record,) = one.place.store
    assert record.provenance.git_commit == code_version()[0]
    assert " run small.yaml" not in record.provenance.command
    assert record.provenance.command.startswith("bench run ")
    assert read_results(one.place.results).items() <= local.items()


def test_what_no_node_can_do_is_said_in_one_line(tmp_path: Path, machine: RayMachine) -> None:
    one = Scenario(tmp_path, machine.address, ("random",))
    ended = one.start(cpus=4).end(WITHIN)
    assert refusal(ended).endswith(
        "no node can run a trial: it asks for 4 CPUs; the largest node offers 1 CPU"
        " (cpus, gpus, memory; or autoscales: true where Ray starts nodes on demand)"
    )
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "bench.py").write_text("raise ImportError('not here')")
    one.paths = []
    ended = one.start(runtime_env={"working_dir": str(tmp_path / "code")}).end(WITHIN)
    assert "cannot import bench (not here)" in ended.lines[-1], ended.err
    assert ended.status == 2 and not ended.has_traceback
    assert not list(one.place.store)


def test_doctor_says_what_a_cluster_offers(tmp_path: Path, machine: RayMachine) -> None:
    results = tmp_path / "results"
    for address, status, said in (
        (machine.address, 0, ("2 nodes, 2 CPUs, reached in", "began on", "is seen there", "torch")),
        ("127.0.0.2:9", 1, ("MISSING cluster", "nothing answers there")),
    ):
        file = tmp_path / "ray.yaml"
        file.write_text(f"engine: ray\naddress: {address}\n")
        command = [sys.executable, "-m", "bench", "doctor", "--cluster", str(file)]
        ended = subprocess.run(
            [*command, "--results", str(results)], capture_output=True, text=True, timeout=WITHIN
        )
        assert ended.returncode == status, ended.stderr
        assert all(words in ended.stdout for words in said), ended.stdout
        assert not any(results.iterdir())


def test_nothing_at_the_address_is_said_within_seconds(tmp_path: Path) -> None:
    ended = Scenario(tmp_path, "127.0.0.2:9", ("random",)).start().end(WITHIN)
    assert "Ray at 127.0.0.2:9: nothing answers there: Connection refused" in refusal(ended)


def refusal(ended: Ended) -> str:
    """The one line of a command that has refused."""
    assert ended.status == 2 and not ended.has_traceback, ended.err
    (line,) = ended.lines
    return line


def wait_ended(processes: set[int], seconds: float = 60.0) -> None:
    """Wait until processes have ended; a trial has a few seconds for it."""
    end = time.monotonic() + seconds
    while processes:
        assert time.monotonic() < end, f"{processes} are still there"
        time.sleep(0.05)
        for process in list(processes):
            with contextlib.suppress(FileNotFoundError):
                if "zombie" not in Path(f"/proc/{process}/status").read_text():
                    continue
            processes.discard(process)
