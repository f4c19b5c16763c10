"""The runs above the trials in an open MLflow experiment: methods, and the study's results."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bench.records.schema import RunRecord
from bench.tracking import summaries
from bench.tracking.experiment import Experiment

if TYPE_CHECKING:
    from mlflow.entities import Run

_DIGEST = "digest"
"""The tag with the digest of what a run was made of, set when everything is in it."""


def find_parent(experiment: Experiment, record: RunRecord, known: dict[str, str]) -> str:
    """The id of the run of a trial's method, which is made where there is none.

    known: those found before, by `summaries.identify_method`; the answer is added to it.
    """
    group = summaries.identify_method(record)
    if group not in known:
        run = _find_method(experiment, group)
        content = summaries.open_method(record)
        known[group] = experiment.create(content) if run is None else run.info.run_id
    return known[group]


def log_summaries(experiment: Experiment, records: Sequence[RunRecord], folder: Path) -> None:
    """Write what the leaderboard says of each method into its run, where that has changed.

    Raises ResultsError where the leaderboard cannot be read.
    """
    for record, content in summaries.summarise_methods(records, folder):
        digest = summaries.digest_values(content)
        run = _find_method(experiment, summaries.identify_method(record))
        if run is not None and run.data.tags.get(_DIGEST) == digest:
            continue
        old = run
        if run is not None and not set(run.data.metrics) <= {v.name for v in content.values}:
            run = None  # a metric cannot be taken back
        run_id = experiment.create(content) if run is None else run.info.run_id
        experiment.complete(run_id, content)
        if old is not None and run is None:
            experiment.move_nested(old.info.run_id, run_id)
            experiment.delete(old.info.run_id)
        experiment.client.set_tag(run_id, _DIGEST, digest)


def log_results(experiment: Experiment, records: Sequence[RunRecord], folder: Path) -> None:
    """Write the leaderboard, the report and the figures into a run, where they have changed."""
    files = summaries.find_artifacts(folder)
    if not files:
        return
    content = summaries.describe_results(records, folder)
    digest = summaries.digest_artifacts(folder)
    run = _first(experiment, f"tags.stage = '{summaries.RESULTS}'")
    there = set() if run is None else experiment.artifacts(run.info.run_id)
    if run is not None and run.data.tags.get(_DIGEST) == digest:
        files = {name: path for name, path in files.items() if name not in there}
        if not files:
            return
    run_id = experiment.create(content) if run is None else run.info.run_id
    experiment.attach(run_id, files, {})
    experiment.complete(run_id, content)
    for name, text in {**content.tags, _DIGEST: digest}.items():
        experiment.client.set_tag(run_id, name, text)


def _find_method(experiment: Experiment, group: str) -> Run | None:
    return _first(experiment, f"tags.group = '{group}' and tags.stage = 'method'")


def _first(experiment: Experiment, condition: str) -> Run | None:
    """The oldest run that meets a condition, always the same one."""
    runs = experiment.search(condition)
    return min(runs, key=lambda run: (run.info.start_time, run.info.run_id), default=None)
