"""A study's experiment in an MLflow store: opening it, and what can be done with its runs.

Without a URI the store is embedded: results/<study>/mlflow.db and results/<study>/artifacts.

Only this module and `experiment` import MLflow, in functions. Nothing global is left changed: URIs
are passed explicitly and the environment is restored. MLflow's usage telemetry is off.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import logging
import os
import sqlite3
import tempfile
import urllib.parse
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from bench import locks
from bench.errors import suggest
from bench.tracking import moved, sent, views
from bench.tracking.experiment import Experiment, TrackingError

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.system_metrics.metrics.base_metrics_monitor import BaseMetricsMonitor

DATABASE = "mlflow.db"
LOCK = f"{DATABASE}.lock"
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


def list_monitors() -> list[BaseMetricsMonitor]:
    """MLflow's monitors of processor, memory, disk, network and, where there are some, GPUs.

    Raises TrackingError where the package that they measure with is missing.
    """
    if importlib.util.find_spec("psutil") is None:
        raise TrackingError(
            "--system-metrics needs psutil, which is not installed:"
            " pip install -e '.[system-metrics]'"
        )
    with _environment(_IMPORT), _quiet():
        from mlflow.system_metrics.metrics.cpu_monitor import CPUMonitor
        from mlflow.system_metrics.metrics.disk_monitor import DiskMonitor
        from mlflow.system_metrics.metrics.gpu_monitor import GPUMonitor
        from mlflow.system_metrics.metrics.network_monitor import NetworkMonitor

        monitors: list[BaseMetricsMonitor] = [CPUMonitor(), DiskMonitor(), NetworkMonitor()]
        with contextlib.suppress(Exception):  # no GPU, or no nvidia-ml-py to ask it
            monitors.append(GPUMonitor())
    return monitors


@contextlib.contextmanager
def connect(study: str, folder: Path, uri: str | None, make: bool = True) -> Iterator[Experiment]:
    """The study's experiment; a store's errors become TrackingError.

    `make`: to send records, where a missing experiment is made; else to read, where it is an error.
    """
    where = folder / DATABASE if uri is None else sent.redacted(uri)
    command = f"bench sync {study}" + ("" if uri is None else f" --tracking-uri {where}")
    later = f"the records are safe and `{command}` sends them later"
    if not make:
        later = "nothing was read"
    try:
        with _environment(_IMPORT):
            from mlflow.exceptions import MlflowException
            from sqlalchemy.exc import SQLAlchemyError
    except ImportError as error:
        raise TrackingError(f"MLflow cannot be imported ({error}); {later}") from error
    try:
        with contextlib.ExitStack() as held, _quiet():
            if make:  # one process of this folder at a time writes
                held.enter_context(locks.wait_for(folder / LOCK))
            with _environment(_FIRST_CONTACT):
                client, experiment = _open(study, folder.resolve(), uri, make)
            with _environment(_AT_WORK):
                yield Experiment(client, experiment)
    except (MlflowException, SQLAlchemyError, sqlite3.Error, OSError) as error:
        raise TrackingError(f"MLflow at {where}: {_reason(error)}; {later}") from error


def check_uri(uri: str | None) -> None:
    """Raise TrackingError for the URI of a store of no known kind, or with no such port or host."""
    problem = None if uri is None else _find_problem(uri)
    if uri is not None and problem:
        raise TrackingError(f"tracking URI {sent.redacted(uri)!r} {problem}")


def _find_problem(uri: str) -> str | None:
    if uri.startswith("sqlite:///"):
        return None
    if not uri.startswith(("http://", "https://")):
        return "is neither an MLflow server's http://HOST:PORT or https://... nor sqlite:///FILE"
    try:
        parts = urllib.parse.urlsplit(uri)
        is_port = parts.port != 0
    except ValueError:  # whose text may have a part of a password
        is_port = False
    if not is_port:
        return "has no host and port as http://HOST:PORT, the port from 1 to 65535"
    return None if parts.hostname else "names no host"


def _open(study: str, folder: Path, uri: str | None, make: bool) -> tuple[MlflowClient, str]:
    from mlflow import MlflowClient

    check_uri(uri)
    location: str | None = (folder / ARTIFACTS).as_uri()
    if uri is None:
        folder.mkdir(parents=True, exist_ok=True)
        uri = f"sqlite:///{folder / DATABASE}"
    if uri.startswith("sqlite:///"):
        database = Path(uri.removeprefix("sqlite:///"))
        if not make and not database.exists():
            raise TrackingError(f"there is no {database}")
        _prepare_sqlite(uri)
        if database.resolve() == folder / DATABASE:
            moved.repair(database, study, str(location))
    else:
        location = None
    client = MlflowClient(tracking_uri=uri, registry_uri=uri)
    experiment = client.get_experiment_by_name(study)
    if experiment is None and not make:
        there = {known.name: "" for known in client.search_experiments()}
        raise TrackingError(
            f"no experiment {study!r} in MLflow at {sent.redacted(uri)}; {suggest(study, there)}"
        )
    if experiment is None:
        made = client.create_experiment(study, location)
        _set_tags(client, made, {})
        return client, made
    if experiment.lifecycle_stage != "active":
        raise TrackingError(
            f"experiment {study!r} was deleted in MLflow at {sent.redacted(uri)}; restore it "
            "there or remove it for good with `mlflow gc`"
        )
    if make:
        _set_tags(client, experiment.experiment_id, experiment.tags)
    return client, experiment.experiment_id


def _set_tags(client: MlflowClient, experiment: str, present: Mapping[str, str]) -> None:
    """Make MLflow's pages show the study as it is meant; what people changed is left alone."""
    for name, text in views.make_tags(experiment).items():
        if name not in present or (name.startswith(views.SAVED) and present[name] != text):
            client.set_experiment_tag(experiment, name, text)


@functools.cache
def _make_empty_database() -> bytes:
    """A database with MLflow's tables, which it builds in some 70 migrations (3 seconds)."""
    from mlflow import MlflowClient

    with tempfile.TemporaryDirectory() as scratch:
        database = Path(scratch) / DATABASE
        MlflowClient(tracking_uri=f"sqlite:///{database}")
        return database.read_bytes()


def _prepare_sqlite(uri: str) -> None:
    """Fail at once where MLflow would retry for minutes, and create a new database in one piece.

    Migrations cannot be resumed when they are interrupted, so the complete file is moved in place.
    """
    from sqlalchemy.engine import make_url

    path = Path(uri.removeprefix("sqlite:///"))
    if make_url(uri).database != uri.removeprefix("sqlite:///"):
        raise TrackingError(f"MLflow cannot keep a database in {path}: % or ? in the path")
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(
            prefix=f".{DATABASE}.", suffix=".tmp", dir=path.parent
        ) as scratch:
            complete = Path(scratch) / path.name
            complete.write_bytes(_make_empty_database())
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
