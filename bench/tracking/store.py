"""A study's experiment in an MLflow store: opening it, and what can be done with its runs.

Without a URI the store is embedded: results/<study>/mlflow.db and results/<study>/artifacts.

This is the only module that imports MLflow, in functions. Nothing global is left changed: URIs are
passed explicitly and the environment is restored. MLflow's usage telemetry is off.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from bench.errors import BenchError, suggest
from bench.tracking import sent
from bench.tracking.export import RunContent, cut

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

DATABASE = "mlflow.db"
ARTIFACTS = "artifacts"

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


class Experiment:
    """An open experiment of one store."""

    def __init__(self, client: MlflowClient, experiment: str):
        self.client = client
        self._id = experiment

    def search(self, condition: str) -> list[Run]:
        """The runs that meet a condition in MLflow's language, newest first."""
        runs: list[Run] = []
        token: str | None = None
        while token is None or token:
            page = self.client.search_runs([self._id], condition, page_token=token)
            runs += page
            token = page.token or ""
        return runs

    def artifacts(self, run_id: str) -> set[str]:
        """Names of a run's files."""
        return {item.path for item in self.client.list_artifacts(run_id)}

    def delete(self, run: Run) -> None:
        """Delete what an interrupted process left, nested runs first."""
        for nested in self.search(f"tags.`mlflow.parentRunId` = '{run.info.run_id}'"):
            self.client.delete_run(nested.info.run_id)
        self.client.delete_run(run.info.run_id)

    def create(self, content: RunContent, parent: str | None = None) -> str:
        """Begin a run, nested in another one if there is a `parent`; its id."""
        tags = {key: cut(value, 8000) for key, value in content.tags.items()}
        if parent is not None:
            tags["mlflow.parentRunId"] = parent
        run = self.client.create_run(
            self._id, start_time=content.start, tags=tags, run_name=content.name
        )
        return str(run.info.run_id)

    def complete(self, run_id: str, content: RunContent) -> None:
        """Write everything that a run has besides nested runs and files, and end it."""
        from mlflow.entities import Dataset, DatasetInput, Metric, Param

        if (data := content.data) is not None:
            profile = data.model_dump(include={"train", "validation", "test", "classes"})
            used = Dataset(
                data.name[-500:],
                data.digest[:12],
                "local",
                json.dumps({"name": data.name, "sha256": data.digest}),
                profile=json.dumps(profile),
            )
            self.client.log_inputs(run_id, [DatasetInput(used)])
        metrics = [Metric(v.name, v.value, v.moment, v.step) for v in content.values]
        params = [Param(name, text) for name, text in content.parameters.items()]
        self.client.log_batch(run_id, metrics=metrics, params=params)
        self.client.set_terminated(run_id, "FAILED" if content.failed else "FINISHED", content.end)

    def attach(self, run_id: str, files: Mapping[str, Path], texts: Mapping[str, str]) -> None:
        """Give a run files, by name, and texts that become files."""
        with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
            for name, path in files.items():
                (Path(scratch) / name).write_bytes(path.read_bytes())
            for name, text in texts.items():
                (Path(scratch) / name).write_text(text, encoding="utf-8")
            self.client.log_artifacts(run_id, scratch)


@contextlib.contextmanager
def connect(study: str, folder: Path, uri: str | None, make: bool = True) -> Iterator[Experiment]:
    """The study's experiment; a store's errors become TrackingError.

    `make`: to send records, where a missing experiment is made; else to read, where it is an error.
    """
    where = folder / DATABASE if uri is None else sent.redacted(uri)
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
                yield Experiment(client, experiment)
    except (MlflowException, SQLAlchemyError, sqlite3.Error, OSError) as error:
        raise TrackingError(f"MLflow at {where}: {_reason(error)}; {later}") from error


def _open(study: str, folder: Path, uri: str | None, make: bool) -> tuple[MlflowClient, str]:
    from mlflow import MlflowClient

    embedded = uri is None
    if uri is None:
        folder.mkdir(parents=True, exist_ok=True)
        uri = f"sqlite:///{folder / DATABASE}"
    if uri.startswith("sqlite:///"):
        if not make and not Path(uri.removeprefix("sqlite:///")).exists():
            raise TrackingError(f"there is no {uri.removeprefix('sqlite:///')}")
        _prepare_sqlite(uri)
        location = (folder / ARTIFACTS).as_uri()
    elif uri.startswith(("http://", "https://")):
        location = None
    else:
        raise TrackingError(
            f"tracking URI {sent.redacted(uri)!r} is neither an MLflow server's "
            "http://HOST:PORT or https://... nor sqlite:///FILE"
        )
    client = MlflowClient(tracking_uri=uri, registry_uri=uri)
    experiment = client.get_experiment_by_name(study)
    if experiment is None and not make:
        there = {known.name: "" for known in client.search_experiments()}
        raise TrackingError(
            f"no experiment {study!r} in MLflow at {sent.redacted(uri)}; {suggest(study, there)}"
        )
    if experiment is None:
        return client, client.create_experiment(study, location, _EXPERIMENT_TAGS)
    if experiment.lifecycle_stage != "active":
        raise TrackingError(
            f"experiment {study!r} was deleted in MLflow at {sent.redacted(uri)}; restore it "
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
