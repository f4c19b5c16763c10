"""`bench run --cluster` on a real SLURM of two nodes, with real trials; the command is a process.

Every scenario is checked by what is left: records that are equal, to the bit, to those of a run on
this machine, and a log in which every trial notes each of its epochs.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from campaign.commands import Place, Running
from campaign.comparing import read_results
from support import studies
from support.slurm_machine import SlurmMachine, open_machine, reason_to_skip

from bench.cluster.file import SlurmCluster
from bench.cluster.slurm.pool import SlurmPool
from bench.records.schema import FailedRecord, FinishedRecord
from bench.run.messages import EpochDone, Job, Outcome, Returned, Stopped
from bench.run.worker import Workplace

pytest.importorskip("submitit")
SKIP = reason_to_skip()
pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("slurm"),
    pytest.mark.skipif(bool(SKIP), reason=SKIP),
]

ALWAYS = ("--device", "cpu", "--results", "results")
SIX = ("--set", "seeds=[0, 1]")
METHODS = ("darts", "random", "vinnas")
NOTHING: Mapping[str, str] = {}
WITHIN = 240.0  # seconds


@pytest.fixture(scope="module")
def machine() -> Iterator[SlurmMachine]:
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
    """A place in which the command is typed with a SLURM cluster's file."""

    def __init__(self, folder: Path, machine: SlurmMachine, methods: tuple[str, ...]) -> None:
        self.machine = machine
        self.place = Place(folder / "place", methods)
        self.hold = self.place.folder / "hold"
        self.most = 0
        """Jobs that were seen to run at a time."""

    def start(
        self, *arguments: str, cluster: Mapping[str, str] = NOTHING, **variables: str
    ) -> Running:
        """Start the command. cluster: changes of the cluster's file."""
        file = self.place.folder / "slurm.yaml"
        settings = {"engine": "slurm", "cpus": "2", "parallel": "2", **cluster}
        file.write_text("".join(f"{key}: {value}\n" for key, value in settings.items()))
        return self.place.start(
            "run", *ALWAYS, "--cluster", str(file), *arguments,
            **self.machine.variables, CAMPAIGN_HOLD=str(self.hold), **variables,
        )  # fmt: skip

    def wait_until(self, reached: Callable[[], bool], command: Running | None = None) -> None:
        """Look at the jobs and wait."""
        end = time.monotonic() + WITHIN
        while not reached():
            states = [state for state, _ in self.machine.alive().values()]
            self.most = max(self.most, states.count("RUNNING"))
            said = command.err.read_text() if command else ""
            assert command is None or command.process.poll() is None, said
            assert time.monotonic() < end, f"{said}\n{self.machine.jobs()}\n{self.place.logged()}"
            time.sleep(0.3)

    def wait_held(self, command: Running, count: int = 2) -> None:
        """Wait until so many trials stand still after an epoch of their evaluation."""
        self.wait_until(lambda: self.epochs()["evaluation 1"] >= count, command)

    def epochs(self) -> Counter[str]:
        """How often an epoch was trained, over all trials: "evaluation 1"."""
        return Counter(" ".join(words[2:]) for words in self.place.logged())

    def begun(self) -> Counter[str]:
        """How often each trial was begun."""
        return Counter(words[1] for words in self.place.logged() if words[2:] == ["begun"])

    def check(self, local: dict[str, Any], trials: int) -> None:
        """All records are there and are a local run's, and nothing else is left."""
        results = read_results(self.place.results)
        records = list(self.place.store)
        assert all(isinstance(record, FinishedRecord) for record in records)
        assert len(records) == trials
        assert results == {name: local[name] for name in results}
        left = [path.name for path in self.place.results.iterdir()]
        assert "slurm" not in left and "checkpoints" not in left
        assert not self.machine.alive()

    def check_no_epoch_twice(self, but: int = 0) -> None:
        """No trial trained an epoch twice, but for so many that were the last before an end."""
        repeated = [
            line for line, count in Counter(tuple(w[1:]) for w in self.place.logged()).items()
            if count > 1 and line[1:] != ("begun",)
        ]  # fmt: skip
        assert len(repeated) <= but, repeated
        assert all(line[1:] == ("evaluation", "1") for line in repeated), repeated


@pytest.fixture
def pair(tmp_path: Path, machine: SlurmMachine) -> Scenario:
    """Two trials, each on a node of its own."""
    machine.wait_idle()
    return Scenario(tmp_path, machine, ("darts", "random"))


def test_jobs_go_on_without_the_driver_and_the_same_command_collects_them(
    tmp_path: Path, machine: SlurmMachine, local: dict[str, Any]
) -> None:
    six = Scenario(tmp_path, machine, METHODS)
    six.hold.touch()
    one = {"cpus": "1"}  # four would fit
    first = six.start(*SIX, cluster=one)
    six.wait_held(first)
    first.kill()
    six.hold.unlink()
    six.wait_until(lambda: six.epochs()["evaluation 3"] >= 3)
    second = six.start(*SIX, cluster=one)
    six.wait_until(lambda: second.process.poll() is not None)
    ended = second.end()
    assert ended.status == 0, ended.err
    six.check(local, trials=6)
    assert set(six.begun().values()) == {1}
    six.check_no_epoch_twice()
    assert six.most <= 2
    assert len(re.findall(r" on n[12]: test accuracy", ended.err)) == 6


def _preempt(machine: SlurmMachine) -> None:
    machine.ask("sbatch", "-p", "high", "-c", "2", "-o", "/dev/null", "--wrap", "sleep 2")


def _kill_a_node(machine: SlurmMachine) -> None:
    machine.kill_node("n1")


def _send_the_signal_of_the_time_limit(machine: SlurmMachine) -> None:
    machine.ask("scancel", "--signal=USR2", next(iter(machine.jobs("RUNNING"))))


@pytest.mark.parametrize(
    ("disturb", "options"),
    [
        (_preempt, "{}"),
        (_kill_a_node, "{}"),
        (_kill_a_node, "{no-requeue: true}"),  # then the command submits it again
        (_send_the_signal_of_the_time_limit, "{}"),
    ],
    ids=["preempted", "node_killed", "node_killed_for_good", "signalled"],
)
def test_a_job_that_loses_its_node_goes_on(
    pair: Scenario, local: dict[str, Any], disturb: Callable[[SlurmMachine], None], options: str
) -> None:
    pair.hold.touch()
    command = pair.start(cluster={"options": options})
    pair.wait_held(command)
    before = set(pair.machine.alive())
    disturb(pair.machine)
    known = set(pair.machine.alive())  # with the job of higher priority, which waits itself

    def has_lost_its_node() -> bool:
        states = pair.machine.alive().items()
        return any((s == "PENDING" and j in before) or j not in known for j, (s, _) in states)

    pair.wait_until(has_lost_its_node, command)
    pair.hold.unlink()
    ended = command.end(WITHIN)
    if disturb is _kill_a_node:
        pair.machine.start_node("n1")
    assert ended.status == 0, ended.err
    assert "FAILED" not in ended.err
    assert ("ended without a result (NODE_FAIL): submitted again" in ended.err) == (options != "{}")
    pair.machine.wait_idle()
    pair.check(local, trials=2)
    assert sorted(pair.begun().values()) == [1, 2]
    pair.check_no_epoch_twice(but=1)


def test_a_job_at_its_time_limit_is_queued_again_and_goes_on(
    pair: Scenario, local: dict[str, Any]
) -> None:
    """SLURM counts in minutes, and sends its signal up to a minute early."""
    pair.hold.touch()
    command = pair.start(cluster={"time": '"00:02:00"'})
    pair.wait_held(command)
    pair.wait_until(lambda: any(s == "PENDING" for s, _ in pair.machine.alive().values()), command)
    pair.hold.unlink()
    ended = command.end(WITHIN)
    assert ended.status == 0, ended.err
    pair.check(local, trials=2)
    assert max(pair.begun().values()) == 2
    pair.check_no_epoch_twice(but=2)


def test_ctrl_c_leaves_no_job_and_the_same_command_goes_on(
    pair: Scenario, local: dict[str, Any]
) -> None:
    for _ in range(2):  # somebody else has both nodes
        pair.machine.ask(
            "sbatch", "-c", "2", "-p", "high", "-o", "/dev/null", "--wrap", "sleep 600"
        )
    pair.hold.touch()
    command = pair.start()
    pair.wait_until(lambda: "SLURM: 2 jobs wait: " in command.err.read_text(), command)
    pair.machine.ask("scancel", "--partition=high")
    pair.wait_held(command)
    os.kill(command.process.pid, signal.SIGINT)
    ended = command.end(WITHIN)
    assert ended.status == 130 and not ended.has_traceback, ended.err
    assert ended.err.count("jobs wait") == 1
    assert "Resources (no node is free)" in ended.err or "Priority (" in ended.err
    assert not pair.machine.alive()
    assert len(list(pair.place.results.glob("checkpoints/*-s0-*"))) == 2
    assert not (pair.place.results / "slurm").exists()
    pair.hold.unlink()
    ended = pair.start().end(WITHIN)
    assert ended.status == 0, ended.err
    pair.check(local, trials=2)
    assert set(pair.begun().values()) == {2}
    pair.check_no_epoch_twice(but=2)


def test_a_job_that_nobody_wants_any_more_is_cancelled_alone(
    tmp_path: Path, machine: SlurmMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.wait_idle()
    for name, value in studies.environment(**machine.variables).items():
        monkeypatch.setenv(name, value)
    workplace = Workplace(tmp_path / "checkpoints")
    pool = SlurmPool(SlurmCluster(cpus=1, parallel=2), workplace, "cpu", 1, print)
    for name, epochs in (("waits", 1), ("returns", -1), ("is next", 1)):
        pool.submit(Job(name, "support.waiting_job:run", {"epochs": epochs}))
    outcomes = {}
    for name, message in pool.messages():
        if isinstance(message, Outcome):
            outcomes[name] = message
        if name == "waits" and isinstance(message, EpochDone):
            pool.stop("waits")
            pool.stop("is next")
    pool.close()
    assert outcomes == {"waits": Stopped(), "returns": Returned("returned"), "is next": Stopped()}
    assert not machine.alive() and not list(tmp_path.iterdir())


def test_an_error_and_a_killed_process_each_leave_a_failed_record(pair: Scenario) -> None:
    pair.hold.touch()
    command = pair.start(CAMPAIGN_MEMORY="darts")
    pair.wait_held(command, count=1)
    process = next(
        int(words[0]) for words in pair.place.logged() if words[2:] == ["evaluation", "1"]
    )
    os.kill(process, signal.SIGKILL)
    ended = command.end(WITHIN)
    assert ended.status == 1 and not ended.has_traceback, ended.err
    records = {record.trial.label: record for record in pair.place.store}
    assert all(isinstance(record, FailedRecord) for record in records.values())
    assert records["darts"].error.type != "WorkerDied"  # the trial raised it
    killed = records["random"].error
    assert killed.stage == "evaluation" and "ended without a result: FAILED" in killed.message
    log = Path(killed.message.partition("log: ")[2])
    assert log.exists() and "Killed" in log.read_text() and "Killed" in killed.traceback
    assert set(pair.begun().values()) == {1}
    assert {path.name.partition("_0_")[2] for path in log.parent.glob("*_log.*")} == {
        "log.err", "log.out"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("cluster", "said"),
    [
        ({"options": "{partition: nowhere}"}, "invalid partition specified: nowhere"),
        ({"options": "{constraint: nothing}"}, "Invalid feature specification"),
    ],
)
def test_what_slurm_refuses_is_said_in_a_line(
    pair: Scenario, cluster: Mapping[str, str], said: str
) -> None:
    ended = pair.start(cluster=cluster).end(WITHIN)
    assert ended.status == 2
    assert ended.lines[-1].startswith("bench: SLURM takes no jobs: ") and said in ended.lines[-1]
    assert not pair.place.logged() and not list(pair.place.store)
    assert not (pair.place.results / "slurm").exists()
    with contextlib.suppress(FileNotFoundError):
        assert not list((pair.place.results / "checkpoints").iterdir())
