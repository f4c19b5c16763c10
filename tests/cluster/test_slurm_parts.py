"""What a SLURM job does on its node, and what the driver asks of SLURM; without a SLURM."""

from __future__ import annotations

import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support import records, studies

from bench.cluster import task
from bench.cluster.file import SlurmCluster
from bench.cluster.slurm.node import (
    Ended,
    Line,
    Owner,
    claim,
    clear,
    last_chance,
    read_lines,
    read_owner,
    signal_delay,
)
from bench.cluster.slurm.queue import Queue, describe_reason, name_arrays
from bench.cluster.slurm.submit import Submitter
from bench.errors import ClusterError
from bench.records.schema import FinishedRecord
from bench.records.store import Store
from bench.run.messages import EpochDone, Job, Raised, Returned, Started
from bench.run.worker import Workplace

NAME = "darts-digits-s0"
MARK = "mark"
WITHIN = 180.0  # seconds: a hang is a failure


class Node:
    """A folder of checkpoints, and processes that work on the one job as SLURM's would."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.workplace = Workplace(folder / "checkpoints")
        task.leave_mark(self.workplace, MARK)

    def job(self, epochs: int) -> Job:
        return Job(NAME, "support.waiting_job:run", {"epochs": epochs})

    def start(self, epochs: int, limit: float = 100.0, **variables: str) -> subprocess.Popen[str]:
        """Begin SLURM job 7, or what `variables` say."""
        path = self.folder / "task.pickle"
        path.write_bytes(pickle.dumps(task.make(self.job(epochs), self.workplace, "cpu", MARK)))
        number = {"SLURM_JOB_ID": "7", "SLURMD_NODENAME": "n3", "PATH": ""}
        return subprocess.Popen(
            [sys.executable, "-m", "support.waiting_job", str(path), str(limit)],
            env=studies.environment(**{**number, **variables}),
            stdout=subprocess.PIPE,
            text=True,
        )

    def lines(self) -> list[Line]:
        return read_lines(self.workplace, NAME, 0)[0]

    def wait_for(self, count: int) -> list[Line]:
        """Wait until so many lines are written."""
        end = time.monotonic() + WITHIN
        while len(lines := self.lines()) < count:
            assert time.monotonic() < end
            time.sleep(0.05)
        return lines


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


def test_a_job_leaves_its_outcome_and_is_not_run_again(node: Node) -> None:
    for _ in range(2):  # the second time as if it had been submitted twice
        process = node.start(-1)
        assert process.wait(WITHIN) == 0
        assert task.read_outcome(node.workplace, node.job(-1)) == Returned("returned")
    assert node.lines() == [Started("n3"), Ended(False)] * 2
    clear(node.workplace, NAME)
    assert node.lines() == [] and read_owner(node.workplace, NAME) is None


@pytest.mark.parametrize("epochs", [0, 1])
def test_before_its_time_limit_a_job_that_has_advanced_asks_to_be_queued_again(
    node: Node, epochs: int
) -> None:
    process = node.start(epochs, limit=0.0)
    told = node.wait_for(2 + epochs)
    assert [line.epoch for line in told if isinstance(line, EpochDone)] == list(range(epochs + 1))
    process.send_signal(signal.SIGUSR2)
    status = process.wait(WITHIN)
    outcome = task.read_outcome(node.workplace, node.job(epochs))
    if epochs:
        assert outcome is None and status and node.lines()[-1] == Ended(True)
        return
    assert isinstance(outcome, Raised) and not status and node.lines()[-1] == Ended(False)
    assert outcome.error.stage == "search" and "no epoch was finished" in outcome.error.message


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR2])
def test_a_job_that_is_told_to_leave_early_leaves_no_outcome(
    node: Node, number: signal.Signals
) -> None:
    process = node.start(0)
    node.wait_for(2)
    process.send_signal(number)
    assert process.wait(WITHIN) == 128 + number
    assert task.read_outcome(node.workplace, node.job(0)) is None
    assert (node.lines()[-1] == Ended(True)) == (number == signal.SIGUSR2)


def test_a_job_belongs_to_the_slurm_job_that_claimed_it_first(node: Node) -> None:
    mine, other = Owner("two", "6_1", "identity"), Owner("two", "7", "identity")
    assert claim(node.workplace, NAME, mine) == mine
    assert claim(node.workplace, NAME, other) == mine
    process = node.start(-1)
    assert "SLURM job 6_1 has darts-digits-s0" in process.communicate(timeout=WITHIN)[0]
    assert task.read_outcome(node.workplace, node.job(-1)) is None and not node.lines()
    array = {"SLURM_ARRAY_JOB_ID": "6", "SLURM_ARRAY_TASK_ID": "1"}
    assert node.start(-1, **array).wait(WITHIN) == 0
    assert task.read_outcome(node.workplace, node.job(-1)) == Returned("returned")


def test_a_node_that_sees_another_folder_does_nothing(node: Node) -> None:
    task.leave_mark(node.workplace, "another driver's")
    assert node.start(-1).wait(WITHIN) == 1
    assert not (node.workplace.folder / NAME).exists()


def test_half_a_line_waits_for_its_other_half(node: Node) -> None:
    path = node.workplace.folder / NAME / "slurm.jsonl"
    path.parent.mkdir()
    whole = b'{"started": "n1"}\n{"stage": "search", "epo\n'  # of a node that was lost
    path.write_bytes(whole + b'{"requeued": fa')
    lines, offset = read_lines(node.workplace, NAME, 0)
    assert lines == [Started("n1")] and offset == len(whole)
    path.write_bytes(whole + b'{"requeued": false}\n')
    lines, offset = read_lines(node.workplace, NAME, offset)
    assert lines == [Ended(False)] and offset == path.stat().st_size


def test_a_record_that_was_read_makes_the_same_job(tmp_path: Path) -> None:
    made = FinishedRecord(**records.record("darts", 0))
    store = Store(tmp_path)
    store.prepare()
    store.write_record(made)
    (read,) = store
    assert repr(read) != repr(made)
    jobs = [Job(NAME, "f", {"found": record}) for record in (made, read, None)]
    first, second, third = map(task.identify, jobs)
    assert first == second != third


def test_an_array_is_cancelled_as_a_whole_where_all_of_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "log"
    _write_commands(tmp_path, monkeypatch, f'echo "$@" >> {log}')
    queue = Queue()
    assert queue.cluster == "two" and queue.largest_array == 50
    jobs = ["3_0", "3_1", "4_0", "4_2", "5"]
    queue.cancel(name_arrays(jobs, others=["4_1", "6"]))
    assert log.read_text().split() == ["--quiet", "3", "4_0", "4_2", "5"]


def test_a_slurm_that_does_not_answer_is_said_in_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _write_commands(
        tmp_path, monkeypatch, 'printf "scancel: error: no\\nslurm: fatal: way" >&2; exit 1'
    )
    with pytest.raises(ClusterError, match=r"^SLURM does not answer \(scancel\): no; way$"):
        Queue().cancel(["1"])
    (tmp_path / "squeue").unlink()
    with pytest.raises(ClusterError, match="SLURM is not installed here") as error:
        Queue()
    assert "squeue" in str(error.value)


def test_an_absent_submitit_is_said_with_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "submitit", None)
    with pytest.raises(ClusterError, match=r"pip install 'bench-bayesian-nas\[slurm\]'"):
        Submitter(SlurmCluster(), "bench", tmp_path, 1)


def test_reasons_are_said_in_words() -> None:
    assert describe_reason("Resources") == "Resources (no node is free)"
    assert describe_reason("ReqNodeNotAvail, UnavailableNodes:n1").startswith("ReqNodeNotAvail (")
    assert describe_reason("SomethingNew") == "SomethingNew"


@pytest.mark.parametrize(
    ("time_limit", "seconds"),
    [
        ("90", 5400), ("90:30", 5430), ("12:00:00", 43200), ("1-12", 129600),
        ("1-00:30", 88200), ("2-01:01:01", 176461),
    ],
)  # fmt: skip
def test_time_limits_are_read_as_slurm_reads_them(time_limit: str, seconds: float) -> None:
    assert SlurmCluster(time=time_limit).time_seconds == seconds
    assert 0 < last_chance(seconds) < seconds - signal_delay(seconds)


@pytest.mark.parametrize("option", ["array", "output", "--open-mode", "time", "cpus_per_task"])
def test_options_that_are_not_the_users_are_refused(option: str) -> None:
    with pytest.raises(ValueError, match=f"options.*{option}"):
        SlurmCluster(options={option: "1"})


def _write_commands(folder: Path, monkeypatch: pytest.MonkeyPatch, scancel: str) -> None:
    """Commands of SLURM's names, first in PATH."""
    bodies = dict.fromkeys(("sbatch", "srun", "squeue"), "true")
    bodies["scontrol"] = 'printf "ClusterName  = two\\nMaxArraySize = 51\\n"'
    for name, body in {**bodies, "scancel": scancel}.items():
        (folder / name).write_text(f"#!/bin/sh\n{body}\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
