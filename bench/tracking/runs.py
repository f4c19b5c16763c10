"""The runs of a study in MLflow, for people to explore; the records stay the truth.

One run per method on a data set, nested in it one per trial, and nested in that one its stages,
`search` and `evaluation`, with the metrics by epoch. Besides, a run with the leaderboard, the
report and the figures. A run is tagged with the digest of what it was made of, so nothing is logged
twice:

- the same record again only adds files and models that the run does not have yet (cells drawn
  later), and its method's run where that was deleted;
- another record of the same trial (it failed and was run again) gets a new run; the old one
  stays as it ended, FAILED, and its tag `superseded_by` names the new one;
- a run that was broken off while it was being written is deleted and written anew, as are stages
  whose trial was deleted.

`bench.tracking.sent` remembers beside the results, for every URI, what was sent, so that
`find_pending` answers without importing MLflow (seconds). That is only a hint: `log_trial` and
`sync` ask the store. Every function may raise `bench.tracking.store.TrackingError`.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench import locks
from bench.errors import ResultsError, one_line
from bench.records.schema import RunRecord, digest
from bench.records.store import parse
from bench.tracking import export, methods, moved, sent, summaries, trials
from bench.tracking.experiment import Experiment
from bench.tracking.export import RunContent, Value
from bench.tracking.store import ARTIFACTS, DATABASE, connect
from bench.tracking.trials import Sender

if TYPE_CHECKING:
    from bench.tracking.machine_metrics import MachineMetrics


@dataclass(frozen=True)
class SyncCounts:
    """What `sync` did: runs written, runs given files they lacked, runs already complete."""

    logged: int = 0
    updated: int = 0
    present: int = 0


def log_trial(
    record: RunRecord, folder: Path, uri: str | None, measured: Sequence[Value] = ()
) -> str:
    """Write a record's run, unless it is there, and return its id.

    `folder` is results/<study>; the trial's files there are attached, beside genotype.json and
    history.csv, which are made from the record, and its exported networks become models. measured:
    what was measured of the machine meanwhile. Raises TrackingError within seconds when the store
    is away; a later call then starts afresh.
    """
    with connect(record.trial.study, folder, uri) as store:
        return trials.log(store, record, Sender(folder, uri, measured))[0]


def sync(records: Sequence[RunRecord], folder: Path, uri: str | None) -> SyncCounts:
    """All of a study's records over one connection, and what its tables say of the methods.

    Raises TrackingError, and ResultsError where leaderboard.csv cannot be read.
    """
    if not records:
        return SyncCounts()
    with connect(records[0].trial.study, folder, uri) as store:
        sender = Sender(folder, uri)
        counts = Counter(trials.log(store, record, sender)[1] for record in records)
        methods.log_summaries(store, records, folder)
        methods.log_results(store, records, folder)
        entry = {"record": summaries.digest_artifacts(folder), "run": "", "artifacts": []}
        sent.remember(folder, uri, sent.TABLES, entry)
    return SyncCounts(**counts)


def find_pending(records: Iterable[RunRecord], folder: Path, uri: str | None) -> list[RunRecord]:
    """The records not known to be complete at the URI: what is worth a `log_trial`.

    Reads one small file and does not import MLflow. It does not notice what was deleted at a
    server since; `sync` does.
    """
    known = sent.entries(folder, uri)
    if uri is None and not (folder / DATABASE).exists():
        return list(records)
    return [
        record
        for record in records
        if (entry := known.get(record.trial.stem)) is None
        or entry["record"] != digest(record)
        or not set(trials.list_files(record, folder)) <= set(entry["artifacts"])
    ]


def is_complete(records: Sequence[RunRecord], folder: Path, uri: str | None) -> bool:
    """Whether nothing is known that `sync` would send; as quick as `find_pending`."""
    if find_pending(records, folder, uri):
        return False
    if uri is None and records:
        location = (folder.resolve() / ARTIFACTS).as_uri()
        if moved.is_moved(folder / DATABASE, records[0].trial.study, location):
            return False
    tables = sent.entries(folder, uri).get(sent.TABLES)
    return tables is not None and tables["record"] == summaries.digest_artifacts(folder)


def fetch(study: str, uri: str) -> list[tuple[str, RunRecord]]:
    """(where, record) of every trial of a study that is at an MLflow server, by run.

    Of a trial that was run again the last record counts. Raises TrackingError where the server is
    away or has no such experiment, ResultsError at a run whose record is damaged or lacking.
    """
    located = []
    with connect(study, Path(), uri, make=False) as store, tempfile.TemporaryDirectory() as to:
        for run in _trials(store):
            where = f"MLflow run {run.info.run_id}"
            if "record.json" not in store.artifacts(run.info.run_id):
                raise ResultsError(f"{where} has no record.json; `bench sync {study}` completes it")
            path = Path(store.client.download_artifacts(run.info.run_id, "record.json", to))
            record = parse(path.read_bytes(), where)
            if digest(record) != run.data.tags.get("record"):
                raise ResultsError(f"{where}: its record.json is not the one that it was made of")
            located.append((where, record))
    return located


def log_tuning(tuning: Mapping[str, Any], folder: Path, uri: str | None) -> int:
    """Write runs for what a tuning (its record) has done and the store lacks; how many.

    One run per group, with a nested run for every setting that is done. Raises TrackingError.
    """
    contents = [export.from_group(group, tuning) for group in tuning["groups"]]
    with (
        locks.wait_for(folder / "tuning" / "moment.lock"),
        connect(tuning["study"], folder, uri) as store,
    ):
        return sum(_log_group(store, content) for content in contents if content is not None)


class Tracker:
    """Sends records to MLflow; where that fails it says so, once, and does not try again."""

    def __init__(self, folder: Path, uri: str | None, away: bool = False) -> None:
        """folder: results/<study>; away: send nothing."""
        self.say: Callable[[str], None] = lambda line: print(line, file=sys.stderr)
        self.machine: MachineMetrics | None = None
        """What is sampled while trials run and sent with them."""
        self._folder = folder
        self._uri = uri
        self._away = away

    def log(self, record: RunRecord) -> None:
        """Send one record."""
        measured = () if self.machine is None else self.machine.read(record)
        self._attempt(lambda: log_trial(record, self._folder, self._uri, measured))

    def complete(self, records: Sequence[RunRecord]) -> None:
        """Send what was not sent before, and the tables and drawings made since."""

        def send() -> None:
            if not is_complete(records, self._folder, self._uri):
                sync(records, self._folder, self._uri)

        self._attempt(send)

    def log_tuning(self, tuning: Mapping[str, Any]) -> None:
        """Send what a tuning has come to, as far as it has not been sent."""
        self._attempt(lambda: log_tuning(tuning, self._folder, self._uri))

    def _attempt(self, send: Callable[[], object]) -> None:
        if self._away:
            return
        try:
            send()
        except Exception as error:  # whatever happens here, the trials go on
            self._away = True
            self.say(f"warning: {one_line(error)}")


def _trials(experiment: Experiment) -> list[Any]:
    """The complete runs of trials that no later run supersedes, oldest first."""
    kept = [
        run
        for run in experiment.search("tags.stage = 'trial'")
        if "superseded_by" not in run.data.tags and run.info.status != "RUNNING"
    ]
    return sorted(kept, key=lambda run: (run.info.start_time, run.info.run_id))


def _log_group(experiment: Experiment, content: RunContent) -> int:
    """A tuned group's run and its nested ones; how many of these are new."""
    name = content.tags["tuning"]
    parents = experiment.search(f"tags.tuning = '{name}' and tags.stage = 'tuning'")
    if parents and parents[0].info.status == "FINISHED":
        return 0
    parent = parents[0].info.run_id if parents else experiment.create(content)
    nested = experiment.search(f"tags.`mlflow.parentRunId` = '{parent}'")
    there = {run.data.tags["place"] for run in nested if run.info.status != "RUNNING"}
    new = [setting for setting in content.nested if setting.tags["place"] not in there]
    for setting in new:
        experiment.complete(experiment.create(setting, parent), setting)
    if content.end is not None:
        experiment.complete(parent, content)
    return len(new)
