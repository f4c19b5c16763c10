"""Stores for the tests of tracking."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from support import records

from bench.tracking import runs
from bench.tracking.store import DATABASE


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An embedded store with one trial in another study, to spare each test the migrations."""
    folder = tmp_path_factory.mktemp("migrated")
    runs.log_trial(records.finished(study="other"), folder, None)
    return folder / DATABASE


@pytest.fixture
def folder(tmp_path: Path, migrated: Path) -> Path:
    """results/<study>, its path awkward on purpose."""
    folder = tmp_path / "re sults #1é" / "quickstart"
    folder.mkdir(parents=True)
    shutil.copy(migrated, folder)
    return folder
