"""MLflow: the facts of the records, for people to explore. The records stay the truth.

One experiment a study, one run a trial, with nested runs `search` and `evaluation` that carry the
metrics by epoch. A run is tagged with the digest of its record, so nothing is logged twice:

- the same record again only adds files that the run does not have yet (cells drawn later);
- another record of the same trial (it failed and was run again) gets a new run; the old one
  stays as it ended, FAILED, and its tag `superseded_by` names the new one;
- a run that was broken off while it was being written is deleted and written anew.

Without a URI the store is embedded: results/<study>/mlflow.db and results/<study>/artifacts.
`bench.tracking.sent` remembers beside it, for every URI, what was sent, so that `pending` answers
without importing MLflow (seconds). That is only a hint: `log_trial` and `sync` ask the store.

This is the only module that imports MLflow, in functions. Nothing global is left changed: URIs are
passed explicitly and the environment is restored. MLflow's usage telemetry is off.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import sqlite3
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.errors import BenchError, ResultsError, suggest
from bench.records import lock
from bench.records import summary as flatten
from bench.tracking import sent as logged

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

DATABASE = "mlflow.db"
ARTIFACTS = "artifacts"

Record = Mapping[str, Any]
ArtifactsOf = Callable[[Record], Sequence[Path]]

# Telemetry is decided at import. Of the rest, times are seconds; the first request only finds out
# whether somebody is there, and standard output is the caller's.
_IMPORT = {"MLFLOW_DISABLE_TELEMETRY": "true"}
_FIRST_CONTACT = {"MLFLOW_HTTP_REQUEST_TIMEOUT": "5", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}
_AT_WORK = {
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}

# What MLflow's pages go by: the kind puts a study under "Model training", and the shared view is a
# table of the trials by test accuracy (its URL ends in `VIEW`), where the default shows no metric.
VIEW = "runs?workflowType=machine_learning&viewStateShareKey=trials"
_COLUMNS = ("test_accuracy", "validation_accuracy", "nonzero_parameters", "search_seconds")
_EXPERIMENT_TAGS = {
    "mlflow.experimentKind": "custom_model_development",
    "mlflow.experiment.primaryMetric.name": "test_accuracy",
    "mlflow.note.content": "One run a trial, with nested runs `search` and `evaluation`. "
    "Only the trials: `tags.stage = 'trial'`.",
    "mlflow.sharedViewState.trials": json.dumps(
        {
            "searchFilter": "tags.stage = 'trial'",
            "orderByKey": "metrics.`test_accuracy`",
            "orderByAsc": False,
            "selectedColumns": [f"metrics.`{name}`" for name in _COLUMNS],
        }
    ),
}


class TrackingError(BenchError):
    """MLflow could not be reached or refused; the records are untouched and can be sent later."""


@dataclass(frozen=True)
class SyncCounts:
    """What `sync` did: runs written, runs given files they lacked, runs already complete."""

    logged: int = 0
    updated: int = 0
    present: int = 0


def log_trial(record: Record, folder: Path, artifacts: Sequence[Path], uri: str | None) -> str:
    """Write a record's run, unless it is there, and return the parent run's id.

    `folder` is results/<study>; `artifacts` are files to attach (those that do not exist are left
    out), beside genotype.json and history.csv, which are made from the record. Raises
    TrackingError within seconds when the store is away; a later call then starts afresh.
    """
    with _connected(record["trial"]["study"], folder, uri) as store:
        run_id, _ = store.log(record, artifacts)
        return run_id


def sync(
    records: Iterable[Record], folder: Path, uri: str | None, artifacts_of: ArtifactsOf
) -> SyncCounts:
    """`log_trial` for all of a study's records over one connection. Raises TrackingError."""
    counts = {"logged": 0, "updated": 0, "present": 0}
    records = list(records)
    if records:
        with _connected(records[0]["trial"]["study"], folder, uri) as store:
            for record in records:
                _, done = store.log(record, artifacts_of(record))
                counts[done] += 1
    return SyncCounts(**counts)


def pending(
    records: Iterable[Record], folder: Path, uri: str | None, artifacts_of: ArtifactsOf
) -> list[Record]:
    """The records not known to be complete at the URI: what is worth a `log_trial`.

    Reads one small file and does not import MLflow. It does not notice what was deleted at a
    server since; `sync` does.
    """
    if uri is None and not (folder / DATABASE).exists():
        return list(records)
    known = logged.entries(folder, uri)
    return [
        record
        for record in records
        if (entry := known.get(record["trial"]["id"])) is None
        or entry["record"] != flatten.digest(record)
        or not set(_names(record, artifacts_of(record))) <= set(entry["artifacts"])
    ]


def fetch(study: str, uri: str) -> list[tuple[str, dict[str, Any]]]:
    """(where, record) of every trial of a study that is at an MLflow server, by run.

    Of a trial that was run again the last record counts. Raises TrackingError where the server is
    away or has no such experiment, ResultsError at a run whose record is damaged or lacking.
    """
    from bench.records.store import parse

    found = []
    with _connected(study, Path(), uri, make=False) as store, tempfile.TemporaryDirectory() as to:
        for run in store.trials():
            where = f"MLflow run {run.info.run_id}"
            names = {item.path for item in store.client.list_artifacts(run.info.run_id)}
            if "record.json" not in names:
                raise ResultsError(f"{where} has no record.json; `bench sync {study}` completes it")
            path = Path(store.client.download_artifacts(run.info.run_id, "record.json", to))
            record = parse(path.read_bytes(), where)
            if flatten.digest(record) != run.data.tags.get("record"):
                raise ResultsError(f"{where}: its record.json is not the one that it was made of")
            found.append((where, record))
    return found


def log_tuning(made: Mapping[str, Any], folder: Path, uri: str | None) -> int:
    """Write runs for what a tuning (its record) has done and the store lacks; how many.

    One run a group, with a nested run for every setting that is done. Raises TrackingError.
    """
    with lock.waited(folder / "tuning"), _connected(made["study"], folder, uri) as store:
        return sum(store.log_group(group, made) for group in made["groups"])


class _Store:
    """An open experiment of one store."""

    def __init__(self, client: MlflowClient, experiment: str, folder: Path, uri: str | None):
        self.client = client
        self.experiment = experiment
        self.folder = folder
        self.uri = uri

    def log(self, record: Record, artifacts: Sequence[Path]) -> tuple[str, str]:
        """(parent run's id, what was done: a field of SyncCounts)."""
        digest = flatten.digest(record)
        complete, older = None, []
        for run in self._runs(f"tags.trial = '{record['trial']['id']}' and tags.stage = 'trial'"):
            if run.info.status == "RUNNING":
                self._delete(run)
            elif run.data.tags.get("record") == digest:
                complete = run
            elif "superseded_by" not in run.data.tags:
                older.append(run)
        files = _names(record, artifacts)
        done = "present"
        if complete is None:
            done, run_id = "logged", self._write(record, files)
            for run in older:
                self.client.set_tag(run.info.run_id, "superseded_by", run_id)
        else:
            run_id = complete.info.run_id
            there = {item.path for item in self.client.list_artifacts(run_id)}
            missing = {name: path for name, path in files.items() if name not in there}
            if missing:
                done = "updated"
                self._attach(run_id, missing, {})
        entry = {"record": digest, "run": run_id, "artifacts": sorted(files)}
        logged.remember(self.folder, self.uri, record["trial"]["id"], entry)
        return run_id, done

    def trials(self) -> list[Run]:
        """The complete runs of trials that no later run supersedes, oldest first."""
        found = self._runs("tags.stage = 'trial'")
        kept = [run for run in found if "superseded_by" not in run.data.tags]
        kept = [run for run in kept if run.info.status != "RUNNING"]
        return sorted(kept, key=lambda run: (run.info.start_time, run.info.run_id))

    def log_group(self, group: Mapping[str, Any], made: Mapping[str, Any]) -> int:
        """A tuned group's run and its nested ones; how many of these are new."""
        from mlflow.entities import Metric, Param

        name = _cut(group["optuna_study"].replace("'", ""), 250)
        done = [row for row in group["rows"] if row["finished"] and row["state"] != "running"]
        parents = self._runs(f"tags.tuning = '{name}' and tags.stage = 'tuning'")
        if not done or (parents and parents[0].info.status == "FINISHED"):
            return 0
        what = {key: str(value) for key, value in group["for"].items()}
        parent = (
            parents[0].info.run_id
            if parents
            else self._create(
                f"tuning {' '.join(what.values())}",
                flatten.milliseconds(min(row["started"] for row in done)),
                {"stage": "tuning", "tuning": name, "per": made["per"], **what},
            )
        )
        nested = self._runs(f"tags.`mlflow.parentRunId` = '{parent}'")
        there = {run.data.tags["place"] for run in nested if run.info.status != "RUNNING"}
        new = [row for row in done if str(row["place"]) not in there]
        for row in new:
            tags = {"stage": "setting", "place": str(row["place"]), "state": row["state"], **what}
            begin, end = (flatten.milliseconds(row[key]) for key in ("started", "finished"))
            run = self._create(
                f"setting {row['place']}", begin, {"mlflow.parentRunId": parent, **tags}
            )
            params = [Param(key, str(value)) for key, value in row["parameters"].items()]
            points = [Metric("validation_accuracy", v, end, step) for step, v in row["steps"]]
            points.append(Metric("seconds", row["seconds"], end, 0))
            if row["values"] is not None:
                points += [
                    Metric(key, value, end, 0)
                    for key, value in zip(made["objectives"], row["values"], strict=True)
                ]
            self.client.log_batch(run, metrics=points, params=params)
            failed = row["state"] in ("failed", "diverged")
            self.client.set_terminated(run, "FAILED" if failed else "FINISHED", end)
        if group["finished"] and group["best"] is not None:
            best = group["rows"][group["best"]]
            end = flatten.milliseconds(max(row["finished"] for row in done))
            metrics = [
                Metric(key, value, end, 0)
                for key, value in zip(made["objectives"], best["values"], strict=True)
            ]
            params = [Param(key, str(value)) for key, value in best["parameters"].items()]
            self.client.log_batch(parent, metrics=metrics, params=params)
            self.client.set_terminated(parent, "FINISHED", end)
        return len(new)

    def _runs(self, condition: str) -> list[Run]:
        found: list[Run] = []
        token: str | None = None
        while token is None or token:
            page = self.client.search_runs([self.experiment], condition, page_token=token)
            found += page
            token = page.token or ""
        return found

    def _delete(self, run: Run) -> None:
        """Delete what an interrupted process left, nested runs first."""
        for nested in self._runs(f"tags.`mlflow.parentRunId` = '{run.info.run_id}'"):
            self.client.delete_run(nested.info.run_id)
        self.client.delete_run(run.info.run_id)

    def _write(self, record: Record, files: Mapping[str, Path]) -> str:
        """A new run; it stays RUNNING until everything is in it."""
        from mlflow.entities import Metric, Param

        times = flatten.stage_times(record)
        start, end = times.pop("trial")
        parent = self._create(flatten.run_name(record), start, flatten.tags(record))
        params = [
            Param(re.sub(r"[^\w\-./ ]", "_", key)[:250], _cut(text, 6000))
            for key, text in flatten.parameters(record).items()
        ]
        metrics = [
            Metric(key, value, end, 0) for key, value in flatten.final_metrics(record).items()
        ]
        self.client.log_batch(parent, metrics=metrics, params=params)
        self._log_dataset(parent, record)
        failed_in = (record.get("error") or {}).get("stage")
        for stage, (begin, finish) in times.items():
            nested = self._create(
                stage, begin, {"mlflow.parentRunId": parent, **flatten.stage_tags(record, stage)}
            )
            points = [
                Metric(point.name, point.value, begin + round(1000 * point.seconds), point.epoch)
                for point in flatten.history(record, stage)
            ]
            self.client.log_batch(nested, metrics=points)
            status = "FAILED" if failed_in == stage else "FINISHED"
            self.client.set_terminated(nested, status, finish)
        texts = {"history.csv": flatten.history_csv(record)}
        if record.get("genotype"):
            texts["genotype.json"] = json.dumps(record["genotype"], indent=1, sort_keys=True)
        self._attach(parent, files, texts)
        status = "FINISHED" if record["status"] == "finished" else "FAILED"
        self.client.set_terminated(parent, status, end)
        return parent

    def _create(self, name: str, start: int, tags: dict[str, str]) -> str:
        tags = {key: _cut(value, 8000) for key, value in tags.items()}
        run = self.client.create_run(self.experiment, start_time=start, tags=tags, run_name=name)
        return str(run.info.run_id)

    def _log_dataset(self, run_id: str, record: Record) -> None:
        from mlflow.entities import Dataset, DatasetInput

        data = record.get("data")
        if data:
            profile = {key: data[key] for key in ("train", "validation", "test", "classes")}
            source = json.dumps({"name": data["name"], "sha256": data["digest"]})
            name = data["name"][-500:]
            used = Dataset(name, data["digest"][:12], "local", source, profile=json.dumps(profile))
            self.client.log_inputs(run_id, [DatasetInput(used)])

    def _attach(self, run_id: str, files: Mapping[str, Path], texts: Mapping[str, str]) -> None:
        with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
            for name, path in files.items():
                (Path(scratch) / name).write_bytes(path.read_bytes())
            for name, text in texts.items():
                (Path(scratch) / name).write_text(text, encoding="utf-8")
            self.client.log_artifacts(run_id, scratch)


@contextlib.contextmanager
def _connected(study: str, folder: Path, uri: str | None, make: bool = True) -> Iterator[_Store]:
    """The study's experiment; a store's errors become TrackingError.

    `make`: to send records, where a missing experiment is made; else to read, where it is an error.
    """
    where = folder / DATABASE if uri is None else logged.redacted(uri)
    later = f"the records are safe and `bench sync {study}` sends them later"
    if not make:
        later = "nothing was read"
    try:
        with _environment(_IMPORT):
            from mlflow.exceptions import MlflowException
            from sqlalchemy.exc import SQLAlchemyError
    except ImportError as error:
        raise TrackingError(f"MLflow cannot be imported ({error}); {later}") from error
    try:
        with _quiet():
            with _environment(_FIRST_CONTACT):
                client, experiment = _open(study, folder.resolve(), uri, make)
            with _environment(_AT_WORK):
                yield _Store(client, experiment, folder, uri)
    except (MlflowException, SQLAlchemyError, sqlite3.Error, OSError) as error:
        raise TrackingError(f"MLflow at {where}: {_reason(error)}; {later}") from error


def _open(study: str, folder: Path, uri: str | None, make: bool) -> tuple[MlflowClient, str]:
    from mlflow import MlflowClient

    if uri is None:
        folder.mkdir(parents=True, exist_ok=True)
        uri = f"sqlite:///{folder / DATABASE}"
        embedded = True
    else:
        embedded = False
    if uri.startswith("sqlite:///"):
        if not make and not Path(uri.removeprefix("sqlite:///")).exists():
            raise TrackingError(f"there is no {uri.removeprefix('sqlite:///')}")
        _prepare_sqlite(uri)
        location = (folder / ARTIFACTS).as_uri()
    elif uri.startswith(("http://", "https://")):
        location = None
    else:
        raise TrackingError(
            f"tracking URI {logged.redacted(uri)!r} is neither an MLflow server's "
            "http://HOST:PORT or https://... nor sqlite:///FILE"
        )
    client = MlflowClient(tracking_uri=uri, registry_uri=uri)
    experiment = client.get_experiment_by_name(study)
    if experiment is None and not make:
        there = {one.name: "" for one in client.search_experiments()}
        raise TrackingError(
            f"no experiment {study!r} in MLflow at {logged.redacted(uri)}; {suggest(study, there)}"
        )
    if experiment is None:
        return client, client.create_experiment(study, location, _EXPERIMENT_TAGS)
    if experiment.lifecycle_stage != "active":
        raise TrackingError(
            f"experiment {study!r} was deleted in MLflow at {logged.redacted(uri)}; restore it "
            "there or remove it for good with `mlflow gc`"
        )
    if embedded and experiment.artifact_location != location:
        raise TrackingError(
            f"{folder / DATABASE} was made in another folder ({experiment.artifact_location}); "
            f"move it away and `bench sync {study}` makes it anew"
        )
    return client, experiment.experiment_id


def _prepare_sqlite(uri: str) -> None:
    """Fail at once where MLflow would retry for minutes, and create a new database in one piece.

    MLflow builds its tables in some 70 migrations (2 seconds), which cannot be resumed when they
    are interrupted; so that happens in a scratch folder and the complete file is moved in place.
    """
    from mlflow import MlflowClient
    from sqlalchemy.engine import make_url

    path = Path(uri.removeprefix("sqlite:///"))
    if make_url(uri).database != uri.removeprefix("sqlite:///"):
        raise TrackingError(f"MLflow cannot keep a database in {path}: % or ? in the path")
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f"{DATABASE}.", dir=path.parent) as scratch:
            complete = Path(scratch) / path.name
            MlflowClient(tracking_uri=f"sqlite:///{complete}")
            try:
                os.link(complete, path)
            except FileExistsError:
                pass  # another process was quicker, and may have written to its own already
            except OSError:  # a file system without hard links
                complete.replace(path)
    with contextlib.closing(sqlite3.connect(path, timeout=5)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.rollback()


@contextlib.contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """Environment variables for a while; those that the user set are left as they are."""
    added = {name: value for name, value in values.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """No log lines from MLflow and what it uses: what matters comes as an exception."""
    loggers = [logging.getLogger(name) for name in ("mlflow", "alembic", "urllib3.connectionpool")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _reason(error: BaseException) -> str:
    """One line; of a wrapped system error only that, e.g. "Connection refused"."""
    said: BaseException = error
    cause: BaseException | None = error
    while cause is not None:
        said = cause if isinstance(cause, OSError) else said
        cause = cause.__cause__ or cause.__context__
    lines = str(said).strip().splitlines() or [type(said).__name__]
    return lines[0][:200]


def _names(record: Record, artifacts: Sequence[Path]) -> dict[str, Path]:
    return {flatten.artifact_name(path, record): path for path in artifacts if path.exists()}


def _cut(text: str, limit: int) -> str:
    """The text within MLflow's limit; the record among the artifacts has the whole."""
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
