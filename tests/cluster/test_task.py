"""What is done around a job on a node, with and without the driver's files; here, without one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import plugins
from bench.cluster import task
from bench.run import environment
from bench.run.messages import EpochDone, Job, Message, Returned, Started
from bench.run.worker import Workplace

JOB = Job("a", "support.jobs:leave_file", {"text": "words"})


@pytest.fixture(autouse=True)
def own_driver(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(environment, "_driver", None)
    monkeypatch.setattr(plugins, "_adopted", {})
    yield
    environment.code_version.cache_clear()


def test_where_files_are_shared_the_outcome_stays_for_a_driver_that_comes_back(
    tmp_path: Path,
) -> None:
    workplace = Workplace(tmp_path / "checkpoints")
    task.leave_mark(workplace, "mark")
    heard: list[Message] = []
    outcome = task.run(task.make(JOB, workplace, "cpu", "mark"), heard.append)
    assert outcome == Returned("WORDS")
    assert [type(message) for message in heard] == [Started, EpochDone]
    assert isinstance(heard[0], Started) and heard[0].shared
    assert task.read_outcome(workplace, JOB) == outcome
    assert task.read_outcome(workplace, Job("a", JOB.function, {"text": "others"})) is None
    heard.clear()
    assert task.run(task.make(JOB, workplace, "cpu", "mark"), heard.append) == outcome
    assert [type(message) for message in heard] == [Started]  # it is not run again
    task.remove_outcome(workplace, "a")
    assert task.read_outcome(workplace, JOB) is None


def test_where_they_are_not_the_files_come_with_the_outcome(tmp_path: Path) -> None:
    workplace = Workplace(tmp_path / "results" / "checkpoints")
    heard: list[Message] = []
    outcome = task.run(task.make(JOB, workplace, "cpu", "mark"), heard.append)
    assert isinstance(heard[0], Started) and not heard[0].shared
    assert outcome == Returned("WORDS", {"networks/file": b"words"})
    assert not workplace.folder.exists()
    task.keep_files(workplace, outcome)
    assert (tmp_path / "results" / "networks" / "file").read_text() == "words"


def test_paths_do_not_depend_on_the_nodes_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    made = task.make(JOB, Workplace(Path("results/checkpoints"), Path("data")), "cpu", "mark")
    assert made.workplace == Workplace(tmp_path / "results/checkpoints", tmp_path / "data")


def test_a_node_without_metadata_knows_the_drivers_methods(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = task.make(JOB, Workplace(tmp_path / "checkpoints"), "cpu", "mark")
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: [])
    assert not plugins.list_methods()
    task.run(made, lambda message: None)
    assert plugins.load_method("random").__name__ == "RandomChoice"
