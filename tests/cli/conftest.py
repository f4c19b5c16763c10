"""A study and a method of its own in the folder where every command of these tests is typed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from support import studies

from bench.cli.main import main


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.syspath_prepend(str(studies.PLUGIN))
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(tmp_path)
    studies.write(tmp_path)


@pytest.fixture
def bench() -> Callable[..., int]:
    """The command line within this process: the exit status of what is typed after `bench`."""
    return lambda *arguments: main(arguments)
