"""A folder of results that was moved or copied works where it is."""

from __future__ import annotations

import shutil
from pathlib import Path

from support import records
from support.mlflow_stores import client, runs, write_files

from bench.tracking import runs as tracking
from bench.tracking.store import ARTIFACTS


def test_a_copy_has_its_own_artifacts(folder: Path) -> None:
    of, later = records.finished("darts", 0), records.finished("darts", 1)
    write_files(folder, of)
    (folder / "report.html").write_text("<p>here</p>")
    tracking.sync([of], folder, None)
    before = {run.info.run_id: run.info.artifact_uri for run in runs(folder)}
    copy = Path(shutil.copytree(folder, folder.parents[1] / "else where" / "copy"))
    assert tracking.find_pending([of], copy, None) == []
    assert not tracking.is_complete([of], copy, None), "its artifacts are said to be elsewhere"

    assert tracking.sync([of], copy, None) == tracking.SyncCounts(0, 0, 1)
    assert tracking.is_complete([of], copy, None)
    location = (copy / ARTIFACTS).as_uri()
    assert {run.info.artifact_uri.startswith(f"{location}/") for run in runs(copy)} == {True}
    assert {run.info.run_id: run.info.artifact_uri for run in runs(folder)} == before

    shutil.rmtree(folder)
    write_files(copy, later)
    tracking.log_trial(later, copy, None)
    for run in runs(copy):
        if run.data.tags["stage"] == "trial":
            text = client(copy).download_artifacts(run.info.run_id, "record.json")
            assert Path(text).is_relative_to(copy)
    assert not folder.exists()


def test_a_copy_without_artifacts_gets_them_again(folder: Path) -> None:
    """As where databases and artifacts went different ways."""
    of = records.finished()
    write_files(folder, of)
    run_id = tracking.log_trial(of, folder, None)
    names = {item.path for item in client(folder).list_artifacts(run_id)}
    moved = folder.rename(folder.with_name("moved"))
    shutil.rmtree(moved / ARTIFACTS)
    assert tracking.sync([of], moved, None) == tracking.SyncCounts(0, 1, 0)
    assert {item.path for item in client(moved).list_artifacts(run_id)} == names
