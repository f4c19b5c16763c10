"""Keeping MLflow up to date while trials or tunings go on, which it cannot stop."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.errors import one_line
from bench.records.schema import RunRecord
from bench.tracking import runs


class Tracker:
    """Sends records to MLflow; where that fails it says so, once, and does not try again."""

    def __init__(self, folder: Path, uri: str | None, away: bool = False) -> None:
        """folder: results/<study>; away: send nothing."""
        self.say: Callable[[str], None] = lambda line: print(line, file=sys.stderr)
        self._folder = folder
        self._uri = uri
        self._away = away

    def log(self, record: RunRecord) -> None:
        """Send one record."""
        self._attempt(lambda: runs.log_trial(record, self._folder, self._uri))

    def complete(self, records: Sequence[RunRecord]) -> None:
        """Send what was not sent before, and the drawings made since."""

        def send() -> None:
            if pending := runs.find_pending(records, self._folder, self._uri):
                runs.sync(pending, self._folder, self._uri)

        self._attempt(send)

    def log_tuning(self, tuning: Mapping[str, Any]) -> None:
        """Send what a tuning has come to, as far as it has not been sent."""
        self._attempt(lambda: runs.log_tuning(tuning, self._folder, self._uri))

    def _attempt(self, send: Callable[[], object]) -> None:
        if self._away:
            return
        try:
            send()
        except Exception as error:  # whatever happens here, the trials go on
            self._away = True
            self.say(f"warning: {one_line(error)}")
