"""A results folder that was moved or copied: MLflow's database says where the artifacts were.

MLflow keeps absolute addresses of artifacts, of every run and model, since it resolves relative
ones by the current folder of whoever asks. The embedded store's lie beside its database, so what
is in another folder than it was is put right when the store is opened.
"""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

_ADDRESSES = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)


def is_moved(database: Path, study: str, location: str) -> bool:
    """Whether the study's artifacts are said to be elsewhere than at `location`, a file: URI.

    False where that cannot be found out.
    """
    with contextlib.suppress(sqlite3.Error), contextlib.closing(_connect(database)) as connection:
        return _find_location(connection, study) not in (None, location)
    return False


def repair(database: Path, study: str, location: str) -> None:
    """Say that the study's artifacts are at `location`. Raises sqlite3.Error."""
    with contextlib.closing(_connect(database)) as connection, connection:
        connection.execute("BEGIN IMMEDIATE")
        old = _find_location(connection, study)
        if old in (None, location):
            return
        for table, column in _ADDRESSES:
            within = f"{column} = ? OR substr({column}, 1, ?) = ?"
            change = f"UPDATE {table} SET {column} = ? || substr({column}, ?) WHERE {within}"
            prefix = f"{old}/"
            values = (location, len(old) + 1, old, len(prefix), prefix)
            connection.execute(change, values)


def _connect(database: Path) -> sqlite3.Connection:
    return sqlite3.connect(database, timeout=5, isolation_level=None)


def _find_location(connection: sqlite3.Connection, study: str) -> str | None:
    query = "SELECT artifact_location FROM experiments WHERE name = ?"
    row = connection.execute(query, (study,)).fetchone()
    return None if row is None else str(row[0])
