"""The folder that holds a study's records: reading, atomic writing, where the trials stand.

results/<study>/records/<stem>.json, and beside it <stem>.posterior.csv. Both are written
atomically, the record last: where there is a record, everything of its trial is there.
"""

from __future__ import annotations

import contextlib
import csv
import glob
import io
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np

from bench import files
from bench.columns import POSTERIOR
from bench.errors import ResultsError, one_line
from bench.records import schema
from bench.records.parts import TrialIdentity
from bench.records.schema import FailedRecord, FinishedRecord, RunRecord
from bench.study.model import Trial

WRITTEN_WITHIN = 600.0
"""Seconds after which a half-written file is nobody's any more."""


def read(path: Path) -> RunRecord:
    """A checked record. Raises ResultsError, in one line that names the file."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ResultsError(f"record {path} cannot be read: {error.strerror}") from error
    record = parse(content, str(path))
    name = f"{record.trial.stem}.json"
    if path.name != name:
        raise ResultsError(f"record {path} should be named {name}: renamed or copied by hand?")
    return record


def parse(content: bytes, where: str) -> RunRecord:
    """A checked record from its file's content; `where` names it in a ResultsError."""
    try:
        values = json.loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise ResultsError(
            f"record {where} is damaged: not JSON ({one_line(error)}); delete it to run its trial"
            " again"
        ) from error
    return schema.parse(values, where)


@dataclass(frozen=True)
class Standing:
    """Where a study's trials stand. Records are in the order of the trials."""

    finished: list[FinishedRecord] = field(default_factory=list)
    failed: list[FailedRecord] = field(default_factory=list)
    missing: list[Trial] = field(default_factory=list)
    stale: list[RunRecord] = field(default_factory=list)
    """Records that belong to none of the trials: of another configuration."""

    @property
    def recorded(self) -> list[RunRecord]:
        """Records of the trials, finished ones first."""
        return [*self.finished, *self.failed]

    def list_unfinished(self, trials: Iterable[Trial]) -> list[Trial]:
        """Those of the trials that have no finished record, in their order."""
        finished = {record.trial.key for record in self.finished}
        return [trial for trial in trials if trial.key not in finished]

    def state_of(self, trial: Trial) -> Literal["finished", "failed", "missing"]:
        """What has become of a trial."""
        return self._states.get(trial.key, "missing")

    @cached_property
    def _states(self) -> dict[tuple[str, str], Literal["finished", "failed"]]:
        return {record.trial.key: record.status for record in self.recorded}


def classify(records: Iterable[RunRecord], trials: Iterable[Trial]) -> Standing:
    """Where `trials` stand, from records in any order."""
    by_trial = {record.trial.key: record for record in records}
    standing = Standing()
    for trial in trials:
        record = by_trial.pop(trial.key, None)
        if record is None:
            standing.missing.append(trial)
        elif isinstance(record, FinishedRecord):
            standing.finished.append(record)
        else:
            standing.failed.append(record)
    standing.stale.extend(by_trial.values())
    return standing


class Store:
    """A study's results folder, results/<study>."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.records_folder = folder / "records"

    def record_path(self, trial: Trial | TrialIdentity) -> Path:
        """Where the record of a trial is."""
        return self.records_folder / f"{trial.stem}.json"

    def posterior_path(self, trial: Trial | TrialIdentity) -> Path:
        """Where the posterior table of a trial is, if it has one."""
        return self.records_folder / f"{trial.stem}.posterior.csv"

    def posterior(self, trial: Trial | TrialIdentity) -> list[dict[str, str]]:
        """The rows of a trial's posterior table as they stand in the file; none if it has none."""
        path = self.posterior_path(trial)
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return []
        except OSError as error:
            raise ResultsError(f"{path} cannot be read: {error.strerror}") from error
        return list(csv.DictReader(io.StringIO(text, newline="")))

    def files_of(self, trial: Trial | TrialIdentity) -> dict[str, Path]:
        """The files of a trial that exist, by names that do not depend on the trial."""
        paths = {
            "record.json": self.record_path(trial),
            "posterior.csv": self.posterior_path(trial),
            "cells.png": self.folder / "cells" / f"{trial.stem}.png",
        }
        return {name: path for name, path in paths.items() if path.exists()}

    def networks_of(self, trial: Trial | TrialIdentity) -> dict[int, Path]:
        """The exported networks of a trial that exist, by the number of the evaluation."""
        folder, stem = self.folder / "networks", trial.stem
        numbered = {0: folder / f"{stem}.pt2"}
        for path in folder.glob(f"{glob.escape(stem)}-*.pt2"):
            number = path.stem.removeprefix(f"{stem}-")
            if number.isdecimal():
                numbered[int(number)] = path
        return {number: path for number, path in sorted(numbered.items()) if path.exists()}

    def __iter__(self) -> Iterator[RunRecord]:
        """Every record, by file name. Raises ResultsError at a damaged one."""
        for path in sorted(self.records_folder.glob("[!.]*.json")):
            yield read(path)

    def standing(self, trials: Iterable[Trial]) -> Standing:
        """What is finished, failed, missing and stale. Raises ResultsError at a damaged record."""
        return classify(self, trials)

    def write(self, record: RunRecord, posterior: Sequence[Mapping[str, Any]]) -> Path:
        """Write a trial's posterior table and then its record; returns the record's path.

        Raises ResultsError where the files cannot be written.
        """
        table = self.posterior_path(record.trial)
        if posterior:
            files.write(table, posterior_csv(posterior))
        else:
            files.remove(table)
        return self.write_record(record)

    def write_record(self, record: RunRecord) -> Path:
        """Write a trial's record alone. Raises ResultsError where that cannot be done."""
        return files.write(self.record_path(record.trial), schema.text(record))

    def rescue(self, record: RunRecord) -> Path | None:
        """Write a record to the system's folder for temporary files; None where that fails too."""
        try:
            folder = Path(tempfile.mkdtemp(prefix="bench-record-"))
            return files.write(folder / f"{record.trial.stem}.json", schema.text(record))
        except (OSError, ResultsError):
            return None

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
        """Remove what killed processes left half-written; only where no other one writes records.

        Tables and MLflow's database others may be writing just now: what is old there is left over.
        """
        for leftover in self.records_folder.glob(files.SCRATCH):
            leftover.unlink(missing_ok=True)
        for leftover in (*self.folder.glob(files.SCRATCH), *self.folder.glob(f"*/{files.SCRATCH}")):
            with contextlib.suppress(OSError):
                if time.time() - leftover.stat().st_mtime > WRITTEN_WITHIN:
                    shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()


def posterior_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """The posterior table as CSV; fields that do not apply are empty.

    Numbers have the fewest digits that read back as the same number in single precision, in which
    searches compute.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, POSTERIOR, restval="", lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow(
            {
                name: str(np.float32(value)) if isinstance(value, float) else value
                for name, value in row.items()
            }
        )
    return text.getvalue()
