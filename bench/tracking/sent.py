"""What was sent to which MLflow store: a small file, so that a rerun need not import MLflow.

It is a hint for `bench.tracking.runs.find_pending`, never the truth: losing it costs a question to
the store.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.errors import ResultsError

FILE = "mlflow.db.logged.json"
EMBEDDED = "embedded"
TABLES = "tables"
"""The entry of the leaderboard, the report and the figures, among those of trials."""

Entries = dict[str, dict[str, Any]]
"""Trial's stem -> {"record": digest, "run": run id, "artifacts": names}.

The file has a line for each: [store, stem, entry]; a later one counts.
"""


def redacted(uri: str) -> str:
    """The URI without a user's name and password."""
    return re.sub(r"//[^/@]*@", "//", uri)


def entries(folder: Path, uri: str | None) -> Entries:
    """What is known to be at the URI (None: the embedded store); empty where nothing is."""
    return _read(folder).get(_key(uri), {})


def remember(folder: Path, uri: str | None, trial: str, entry: Mapping[str, Any]) -> None:
    """Add one trial's entry, at the file's end: what it costs does not grow with the study.

    Raises ResultsError where the folder cannot be written.
    """
    line = json.dumps([_key(uri), trial, dict(entry)], sort_keys=True)
    path = folder / FILE
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(f"\n{line}")  # before it, so that a half-written one is ended
    except OSError as error:
        raise ResultsError(f"cannot write {path}: {error.strerror or error}") from error


def _key(uri: str | None) -> str:
    return EMBEDDED if uri is None else redacted(uri).rstrip("/")


def _read(folder: Path) -> dict[str, Entries]:
    """The last entry of each trial, by store; what is damaged is left out."""
    known: dict[str, Entries] = {}
    try:
        lines = (folder / FILE).read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return {}
    for line in lines:
        with contextlib.suppress(ValueError, TypeError):
            store, trial, entry = json.loads(line)
            known.setdefault(store, {})[trial] = dict(entry)
    return known
