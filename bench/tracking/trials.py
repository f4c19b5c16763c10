"""Runs of trials in an open MLflow experiment: writing what is missing, once."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.records.schema import RunRecord, digest
from bench.records.store import Store
from bench.tracking import export, methods, sent
from bench.tracking.experiment import Experiment, TrackingError
from bench.tracking.export import RunContent, Value, cut


@dataclass
class Sender:
    """What sends a study's trials: from which folder of results, and to which URI.

    measured: of the machine while the trial ran. parents: the runs of methods, by their identity,
    as far as they are known.
    """

    folder: Path
    uri: str | None
    measured: Sequence[Value] = ()
    parents: dict[str, str] = field(default_factory=dict)


def list_files(record: RunRecord, folder: Path) -> dict[str, Path]:
    """The files of a trial by the names of their artifacts, and its exported networks."""
    return {**Store(folder).files_of(record.trial), **_list_networks(record, folder)}


def log(experiment: Experiment, record: RunRecord, sender: Sender) -> tuple[str, str]:
    """(run's id, what was done: a field of SyncCounts). Raises ResultsError, and as the store."""
    current = digest(record)
    complete, older, stages = None, [], []
    own = f"tags.trial = '{record.trial.id}' and tags.label = '{record.trial.label}'"
    for run in experiment.search(own):
        if run.data.tags.get("stage") != "trial":
            stages.append(run)
        elif run.info.status == "RUNNING":
            experiment.delete(run.info.run_id)
        elif run.data.tags.get("record") == current:
            complete = run
        elif "superseded_by" not in run.data.tags:
            older.append(run)
    _delete_orphans(experiment, stages, {run.info.run_id for run in older}, complete)
    parent = methods.find_parent(experiment, record, sender.parents)
    content = export.from_record(record, sender.measured)
    done = "present"
    if complete is None:
        done, run_id = "logged", _write(experiment, content, parent, record, sender.folder)
        for run in older:
            experiment.client.set_tag(run.info.run_id, "superseded_by", run_id)
    else:
        run_id = complete.info.run_id
        if complete.data.tags.get("mlflow.parentRunId") != parent:
            experiment.client.set_tag(run_id, "mlflow.parentRunId", parent)
        if _attach(experiment, run_id, content, record, sender.folder):
            done = "updated"
    names = sorted(list_files(record, sender.folder))
    entry = {"record": current, "run": run_id, "artifacts": names}
    sent.remember(sender.folder, sender.uri, record.trial.stem, entry)
    return run_id, done


def _delete_orphans(
    experiment: Experiment, stages: Sequence[Any], older: set[str], complete: Any
) -> None:
    """Delete the stages of trials that are deleted, so that none is there twice."""
    kept = older | ({complete.info.run_id} if complete is not None else set())
    for stage in stages:
        parent = stage.data.tags.get("mlflow.parentRunId")
        if parent not in kept and not experiment.is_active(parent):
            experiment.delete(stage.info.run_id)


def _write(
    experiment: Experiment, content: RunContent, parent: str, record: RunRecord, folder: Path
) -> str:
    """A new run; it stays RUNNING until everything is in it."""
    run_id = experiment.create(content, parent)
    for nested in content.nested:
        experiment.complete(experiment.create(nested, run_id), nested)
    _attach(experiment, run_id, content, record, folder)
    experiment.complete(run_id, content)
    return run_id


def _attach(
    experiment: Experiment, run_id: str, content: RunContent, record: RunRecord, folder: Path
) -> bool:
    """Give a run the files and models that it does not have; whether there were any."""
    there = experiment.artifacts(run_id)
    files = {
        name: path
        for name, path in Store(folder).files_of(record.trial).items()
        if name not in there
    }
    texts = {name: text for name, text in content.texts.items() if name not in there}
    if files or texts:
        experiment.attach(run_id, files, texts)
    networks = _list_networks(record, folder)
    models = experiment.models(run_id) if networks else set()
    missing = {name: path for name, path in networks.items() if name not in models}
    sent_models = [_log_model(experiment, run_id, item, content) for item in missing.items()]
    return bool(files or texts or any(sent_models))


def _log_model(
    experiment: Experiment, run_id: str, network: tuple[str, Path], content: RunContent
) -> bool:
    """Give a run a model; whether that went well. A damaged file is no reason to send nothing."""
    try:
        experiment.log_model(run_id, *network, content)
    except TrackingError as error:
        experiment.client.set_tag(run_id, "model_error", cut(str(error), 5000))
        return False
    return True


def _list_networks(record: RunRecord, folder: Path) -> Mapping[str, Path]:
    """A trial's exported networks by the names of their models.

    None where the trial was not asked for any: then a file of that name is of another record.
    """
    if not record.configuration.get("evaluation", {}).get("export"):
        return {}
    name = re.sub(r"[^\w-]+", "-", export.name_run(record))
    paths = Store(folder).networks_of(record.trial)
    return {f"{name}-{number}" if number else name: path for number, path in paths.items()}
