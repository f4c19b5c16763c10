"""What was sent to which MLflow store: a small file, so that a rerun need not import MLflow.

It is a hint for `bench.tracking.runs.find_pending`, never the truth: losing it costs a question to
the store.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench import files

FILE = "mlflow.db.logged.json"
EMBEDDED = "embedded"
TABLES = "tables"
"""The entry of the leaderboard, the report and the figures, among those of trials."""

Entries = dict[str, dict[str, Any]]
"""Trial id -> {"record": digest, "run": run id, "artifacts": names}."""


def redacted(uri: str) -> str:
    """The URI without a user's name and password."""
    return re.sub(r"//[^/@]*@", "//", uri)


def entries(folder: Path, uri: str | None) -> Entries:
    """What is known to be at the URI (None: the embedded store); empty where nothing is."""
    return _read(folder).get(_key(uri), {})


def remember(folder: Path, uri: str | None, trial: str, entry: Mapping[str, Any]) -> None:
    """Add one trial's entry. Raises ResultsError where the folder cannot be written."""
    known = _read(folder)
    known.setdefault(_key(uri), {})[trial] = dict(entry)
    files.write(folder / FILE, json.dumps(known, indent=1, sort_keys=True))


def _key(uri: str | None) -> str:
    return EMBEDDED if uri is None else redacted(uri).rstrip("/")


def _read(folder: Path) -> dict[str, Entries]:
    try:
        known = json.loads((folder / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):  # none yet, or damaged
        return {}
    return known if isinstance(known, dict) else {}
