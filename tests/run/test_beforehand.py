"""What is known before a run is said before it, and what goes wrong after it loses no record."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NamedTuple, NoReturn

import pytest
from support import studies

from bench.cli import home
from bench.data.loading import data_root
from bench.errors import DataError, ResultsError
from bench.records.store import Store
from bench.run import beforehand, session
from bench.run.pool import LocalPool
from bench.study.file import load
from bench.study.model import Study

SETTINGS = session.Settings(device="cpu", workers=1, execute="support.tiny_trials:run")


class Usage(NamedTuple):
    total: int
    used: int
    free: int


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    monkeypatch.syspath_prepend(str(studies.PLUGIN))
    return load(studies.write(tmp_path))


def leave(monkeypatch: pytest.MonkeyPatch, free: int) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(10**12, 0, free))


def test_a_full_disk_is_said_before_anything_is_trained(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path / "results")
    leave(monkeypatch, 3 * beforehand.MIB)
    with pytest.raises(ResultsError, match=r"3 MiB are free .* 3 trials leave about 13 MiB"):
        session.run(study, store, SETTINGS, lambda *_: [], tracked=False)
    assert list(store) == []


def test_little_room_is_a_warning(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave(monkeypatch, 50 * beforehand.MIB)
    (line,) = beforehand.check_place(Store(tmp_path), 3, 1, None)
    assert line.startswith("warning: 50 MiB are free") and "an interrupted trial begins" in line
    leave(monkeypatch, 300 * beforehand.MIB)
    assert list(beforehand.check_place(Store(tmp_path), 12, 2, None)) == []


@pytest.mark.parametrize("uri", [None, "sqlite:///{}/mlflow.db"])
def test_a_database_that_cannot_be_written_is_a_warning(tmp_path: Path, uri: str | None) -> None:
    given = uri and uri.format(tmp_path)
    assert list(beforehand.check_place(Store(tmp_path), 3, 1, given)) == []
    (tmp_path / "mlflow.db").mkdir()  # which nobody can write, root neither
    (line,) = beforehand.check_place(Store(tmp_path), 3, 1, given)
    assert f"MLflow's database {tmp_path / 'mlflow.db'} cannot be written" in line
    assert list(beforehand.check_place(Store(tmp_path), 3, 1, "http://127.0.0.1:1")) == []


@pytest.mark.parametrize(
    "problem",
    [OSError(28, "No space left on device"), ValueError("in a figure"), ResultsError("x.png")],
)
def test_records_are_kept_where_tables_cannot_be_written(
    study: Study, tmp_path: Path, problem: Exception
) -> None:
    store = Store(tmp_path / "results")

    def write_tables(*arguments: object) -> NoReturn:
        raise problem

    with pytest.raises(ResultsError, match="all records are written, but not all tables") as caught:
        session.run(study, store, SETTINGS, write_tables, tracked=False)
    assert "\n" not in str(caught.value) and "`bench analyze`" in str(caught.value)
    assert len(store.standing(study.trials).finished) == 3
    standing = session.run(study, store, SETTINGS, lambda *_: [], tracked=False)
    assert len(standing.finished) == 3


def test_a_home_that_cannot_be_written_is_done_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/not/there")
    monkeypatch.delenv("MPLCONFIGDIR", raising=False)
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", "/of/the/user")
    home.make_do()
    folder = Path(os.environ["MPLCONFIGDIR"])
    assert os.access(folder.parent, os.W_OK) and folder.name == "matplotlib"
    assert os.environ["TORCHINDUCTOR_CACHE_DIR"] == "/of/the/user"
    assert os.environ["HOME"] == "/not/there", "data sets may be there"


def test_a_home_that_can_be_written_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    before = dict(os.environ)
    home.make_do()
    assert dict(os.environ) == before


def test_nobodys_home_is_one_line() -> None:
    with pytest.raises(DataError, match="there is no such home folder") as caught:
        data_root(Path("~nobody-of-this-name/data"))
    assert "\n" not in str(caught.value)


def test_a_cluster_is_left_where_the_place_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(studies.PLUGIN))
    closed: list[LocalPool] = []
    monkeypatch.setattr(LocalPool, "close", lambda pool: closed.append(pool))
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 10}))
    study, store = load(studies.write(tmp_path)), Store(tmp_path / "results")
    with pytest.raises(ResultsError, match="make room"):
        session.run(study, store, SETTINGS, lambda *facts: [], tracked=False)
    assert len(closed) == 1
