"""A folder of results that was moved or copied works where it is."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

from support import records
from support.mlflow_stores import client, runs, write_files

from bench.tracking import runs as tracking
from bench.tracking.store import ARTIFACTS

OF = records.finished("darts", 0)
ELSEWHERE = """
import sys; from pathlib import Path; from support import records
from bench.tracking import runs as tracking
tracking.sync([records.finished("darts", 0)], Path(sys.argv[1]), None)
"""


def send_from_another_process(folder: Path) -> None:
    """Send OF: a process of MLflow remembers for ever where a run's artifacts were."""
    write_files(folder, OF)
    (folder / "report.html").write_text("<p>here</p>")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", ELSEWHERE, str(folder)], env=environment, check=True)


def addresses(folder: Path) -> dict[str, Path]:
    """Where the store says that the artifacts of each run are."""
    uris = {run.info.run_id: run.info.artifact_uri for run in runs(folder)}
    return {run_id: Path(unquote(urlsplit(uri).path)) for run_id, uri in uris.items()}


def test_a_copy_has_its_own_artifacts(folder: Path) -> None:
    send_from_another_process(folder)
    experiment = client(folder).get_experiment_by_name("quickstart").experiment_id
    client(folder).create_logged_model(experiment, "network")
    before = addresses(folder)
    copy = Path(shutil.copytree(folder, folder.parents[1] / "else where" / "copy"))
    assert tracking.find_pending([OF], copy, None) == []
    assert not tracking.is_complete([OF], copy, None), "its artifacts are said to be elsewhere"

    assert tracking.sync([OF], copy, None) == tracking.SyncCounts(0, 0, 1)
    assert tracking.is_complete([OF], copy, None)
    root = copy.resolve() / ARTIFACTS
    assert {path.is_relative_to(root) for path in addresses(copy).values()} == {True}
    assert addresses(folder) == before
    (model,) = client(copy).search_logged_models([experiment])
    assert model.artifact_location.startswith(f"{root.as_uri()}/models/")

    shutil.rmtree(folder)
    later = records.finished("darts", 1)
    write_files(copy, later)
    tracking.log_trial(later, copy, None)
    trials = [run.info.run_id for run in runs(copy) if run.data.tags["stage"] == "trial"]
    assert len(trials) == 2
    for run_id in trials:
        assert (addresses(copy)[run_id] / "record.json").exists()
        assert len(client(copy).list_artifacts(run_id)) == 5
    assert not folder.exists()


def test_a_copy_without_artifacts_gets_them_again(folder: Path) -> None:
    """As where databases and artifacts went different ways."""
    send_from_another_process(folder)
    moved = folder.rename(folder.with_name("moved"))
    shutil.rmtree(moved / ARTIFACTS)
    assert tracking.sync([OF], moved, None) == tracking.SyncCounts(0, 1, 0)
    names = {run.info.run_name: run.info.run_id for run in runs(moved)}
    store = client(moved)
    files = {item.path for item in store.list_artifacts(names["darts-digits-s0"])}
    assert files == {"record.json", "posterior.csv", "cells.png", "genotype.json", "history.csv"}
    assert [item.path for item in store.list_artifacts(names["results"])] == ["report.html"]
    assert not folder.exists()
