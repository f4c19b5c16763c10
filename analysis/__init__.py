"""Tables and figures as pure functions of records; needs no torch. See analysis/README.md."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from analysis.common.operations import CollapseThresholds
    from analysis.common.outputs import Outputs
    from bench.records.facts import StudyFacts
    from bench.records.schema import FailedRecord, FinishedRecord

__all__ = ["write_ablation", "write_all", "write_leaderboard", "write_report", "write_tuning"]

Files = Mapping[tuple[str, str], str]
"""Where each record was read from, by the trial's (label, id)."""


def write_leaderboard(
    folder: Path,
    records: Sequence[FinishedRecord],
    facts: StudyFacts,
    *,
    thresholds: CollapseThresholds | None = None,
    files: Files | None = None,
) -> list[Path]:
    """Write leaderboard.md, .csv, .tex and .html into `folder`, from records in any order.

    `thresholds` say what counts as collapsed, `files` where each record was read from. Raises
    ResultsError, naming files, where the records cannot be compared.
    """
    from analysis import leaderboard
    from analysis.common import comparable, operations, outputs

    thresholds = thresholds or operations.CollapseThresholds()
    ordered = comparable.order(records, facts, files)
    return outputs.write(folder, leaderboard.make(ordered, facts, thresholds))


def write_all(
    folder: Path,
    records: Sequence[FinishedRecord],
    facts: StudyFacts,
    *,
    thresholds: CollapseThresholds | None = None,
    files: Files | None = None,
) -> list[Path]:
    """Write every table and figure of a study into `folder`; the paths, in the order written.

    The leaderboard, collapse, sparsity and posterior (tables and figures) and a drawing of every
    found cell; operations alive by epoch and candidates' accuracies where methods report them;
    known accuracies where they were looked up, and their cost where architectures were trained one
    by one; the differences of variations where the study has
    some. Posterior tables are looked for beside the records that `files` names, else in
    `folder`/records.
    The bytes depend on the records and the study alone, not on their order. Raises ResultsError
    where the records cannot be compared.
    """
    from analysis.common import comparable, outputs

    ordered = comparable.order(records, facts, files)
    posteriors = _locate_posteriors(folder, files)
    made = _make_all(ordered, facts, thresholds, posteriors)
    return [path for part in made for path in outputs.write(folder, part)]


def _make_all(
    records: Sequence[FinishedRecord],
    facts: StudyFacts,
    thresholds: CollapseThresholds | None,
    posteriors: Path,
) -> Iterator[Outputs]:
    """What each topic makes, one after another, so that few figures are in memory at a time."""
    from analysis import (
        ablation,
        alive,
        candidates,
        cells,
        collapse,
        cost,
        leaderboard,
        posterior,
        sparsity,
        truth,
    )
    from analysis.common import operations, plots

    thresholds = thresholds or operations.CollapseThresholds()
    looks = plots.Looks.choose(records, facts)
    yield leaderboard.make(records, facts, thresholds)
    yield collapse.make(records, thresholds, posteriors, looks)
    yield sparsity.make(records, looks)
    yield posterior.make(records, posteriors, looks)
    yield from map(cells.make, records)
    yield alive.make(records, looks)
    yield candidates.make(records, looks)
    yield truth.make(records, looks)
    yield cost.make(records, looks)
    if facts.variations:
        yield ablation.make(records, facts)


def write_ablation(
    folder: Path, records: Sequence[FinishedRecord], facts: StudyFacts
) -> list[Path]:
    """Write the differences of a study's variations from its base into `folder`.

    Raises ConfigurationError where the study has no variations, ResultsError where the records
    cannot be compared.
    """
    from analysis import ablation
    from analysis.common import comparable, outputs

    return outputs.write(folder, ablation.make(comparable.order(records, facts), facts))


def write_report(
    folder: Path,
    records: Sequence[FinishedRecord],
    failed: Sequence[FailedRecord],
    facts: StudyFacts,
    *,
    thresholds: CollapseThresholds | None = None,
    files: Files | None = None,
) -> Path:
    """Write every table and figure, and report.html, a page that has them all in it."""
    from analysis import report
    from analysis.common import comparable, operations, outputs
    from analysis.leaderboard import content

    thresholds = thresholds or operations.CollapseThresholds()
    written = write_all(folder, records, facts, thresholds=thresholds, files=files)
    ordered = comparable.order(records, facts, files)
    page = report.make(
        ordered,
        failed,
        content.build(ordered, facts, thresholds),
        figures=[path for path in written if path.suffix == ".png" and path.parent == folder],
        cells=folder / "cells",
        posteriors=_locate_posteriors(folder, files),
    )
    return outputs.write(folder, page)[0]


def write_tuning(folder: Path, made: Mapping[str, Any]) -> list[Path]:
    """Write tables and figures of a tuning's record into `folder`; the paths, in order."""
    from analysis import tuning
    from analysis.common import outputs

    return outputs.write(folder, tuning.make(made))


def _locate_posteriors(folder: Path, files: Files | None) -> Path:
    """The folder of the posterior tables: beside the records."""
    return Path(next(iter(files.values()))).parent if files else folder / "records"
