"""The folder that holds a study's records: reading, atomic writing, where the trials stand.

results/<study>/records/<stem>.json, and beside it <stem>.posterior.csv. Both are written
atomically, the record last: where there is a record, everything of its trial is there.
"""

from __future__ import annotations

import contextlib
import csv
import io
import json
import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import files
from bench.columns import POSTERIOR
from bench.errors import ResultsError
from bench.records.schema import SCHEMA, check, check_name
from bench.study.model import Trial, stem


def failed(trial: Trial, error: Mapping[str, str], provenance: Mapping[str, Any]) -> dict[str, Any]:
    """The record of a trial that ended before it could write its own; `error` as in the schema."""
    reached = dict.fromkeys(
        ("genotype", "genotype_digest", "selection", "search", "evaluation", "data", "environment")
    )
    return {
        "schema": SCHEMA,
        "trial": trial.identity(),
        "configuration": trial.configuration(),
        "status": "failed",
        "error": {"traceback": "", **error},
        **reached,
        "provenance": dict(provenance),
    }


def read(path: Path) -> dict[str, Any]:
    """A checked record. Raises ResultsError, in one line that names the file."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ResultsError(f"record {path} cannot be read: {error.strerror}") from error
    record = parse(content, str(path))
    check_name(record, path)
    return record


def parse(content: bytes, where: str) -> dict[str, Any]:
    """A checked record from its file's content; `where` names it in a ResultsError."""
    try:
        record = json.loads(content.decode("utf-8"))
    except ValueError as error:
        message = " ".join(str(error).split())
        raise ResultsError(
            f"record {where} is damaged: not JSON ({message}); delete it to run its trial again"
        ) from error
    return check(record, where)


@dataclass(frozen=True)
class Standing:
    """Where a study's trials stand. Records are in the order of the trials."""

    finished: list[dict[str, Any]]
    failed: list[dict[str, Any]]
    missing: list[Trial]
    stale: list[dict[str, Any]]
    """Records that belong to none of the trials: of another configuration."""

    def of(self, trial: Trial) -> str:
        """One of finished, failed, missing."""
        for name in ("finished", "failed"):
            if any(record["trial"]["id"] == trial.id for record in getattr(self, name)):
                return name
        return "missing"


def stand(records: Iterable[dict[str, Any]], trials: Iterable[Trial]) -> Standing:
    """Where `trials` stand, from records in any order."""
    found = {_key(record["trial"]): record for record in records}
    standing = Standing([], [], [], [])
    for trial in trials:
        record = found.pop(_key(trial.identity()), None)
        if record is None:
            standing.missing.append(trial)
        else:
            getattr(standing, record["status"]).append(record)
    standing.stale.extend(found.values())
    return standing


def located(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """(file, record) of every record in results/<study>. Raises ResultsError at a damaged one."""
    store = Store(folder)
    for record in store:
        yield str(store.record_path(record["trial"])), record


class Store:
    """A study's results folder, results/<study>."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.records_folder = folder / "records"

    def record_path(self, identity: Mapping[str, Any]) -> Path:
        """Where the record of a trial (`record["trial"]`) is."""
        return self.records_folder / f"{stem(identity)}.json"

    def posterior_path(self, identity: Mapping[str, Any]) -> Path:
        """Where the posterior table of a trial is, if it has one."""
        return self.records_folder / f"{stem(identity)}.posterior.csv"

    def posterior(self, identity: Mapping[str, Any]) -> list[dict[str, str]]:
        """The rows of a trial's posterior table as they stand in the file; none if it has none."""
        try:
            text = self.posterior_path(identity).read_text(encoding="utf-8")
        except FileNotFoundError:
            return []
        except OSError as error:
            where = self.posterior_path(identity)
            raise ResultsError(f"{where} cannot be read: {error.strerror}") from error
        return list(csv.DictReader(io.StringIO(text, newline="")))

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Every record, by file name. Raises ResultsError at a damaged one."""
        for path in sorted(self.records_folder.glob("[!.]*.json")):
            yield read(path)

    def standing(self, trials: Iterable[Trial]) -> Standing:
        """What is finished, failed, missing and stale. Raises ResultsError at a damaged record."""
        return stand(self, trials)

    def write(self, record: Mapping[str, Any], posterior: Sequence[Mapping[str, Any]]) -> Path:
        """Write a trial's posterior table and then its record; returns the record's path.

        Numbers that JSON cannot carry (NaN, infinities) become null. Raises ResultsError where the
        files cannot be written or the record is not one.
        """
        path = self.record_path(record["trial"])
        plain = check(_finite(record), str(path))
        table = self.posterior_path(record["trial"])
        if posterior:
            files.write(table, posterior_csv(posterior))
        else:
            with contextlib.suppress(FileNotFoundError):
                table.unlink()
        text = json.dumps(plain, sort_keys=True, indent=1, allow_nan=False, ensure_ascii=False)
        files.write(path, text + "\n")
        return path

    def prepare(self) -> None:
        """Make the folder and see that it can be written. Raises ResultsError where it cannot."""
        probe = self.records_folder / f".probe.{os.getpid()}.tmp"
        try:
            self.records_folder.mkdir(parents=True, exist_ok=True)
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise ResultsError(
                f"results folder {self.folder} cannot be written: {error.strerror};"
                " choose another with --results"
            ) from error

    def clear_leftovers(self) -> None:
        """Remove what a killed process left half-written; only where no other process writes."""
        for leftover in self.records_folder.glob(files.SCRATCH):
            leftover.unlink(missing_ok=True)


def posterior_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """The posterior table as CSV; fields that do not apply are empty."""
    text = io.StringIO()
    writer = csv.DictWriter(text, POSTERIOR, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _key(identity: Mapping[str, Any]) -> tuple[str, str]:
    return identity["label"], identity["id"]


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
