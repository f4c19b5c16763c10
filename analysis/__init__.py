"""Tables and figures as pure functions of records; needs no torch. See analysis/README.md."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from analysis.common.operations import CollapseThresholds
    from analysis.common.outputs import Outputs
    from bench.records.facts import StudyFacts
    from bench.records.gather import Gathered
    from bench.records.population import Population
    from bench.records.schema import FailedRecord, FinishedRecord
    from bench.records.sequential import Question

__all__ = [
    "format_claims",
    "list_questions",
    "write_ablation",
    "write_all",
    "write_calibration",
    "write_claims",
    "write_index",
    "write_leaderboard",
    "write_report",
    "write_tuning",
]

Files = Mapping[tuple[str, str], str]
"""Where each record was read from, by the trial's (label, id)."""


def write_leaderboard(
    folder: Path,
    records: Sequence[FinishedRecord],
    facts: StudyFacts,
    *,
    thresholds: CollapseThresholds | None = None,
    files: Files | None = None,
    columns: Sequence[str] = (),
) -> list[Path]:
    """Write leaderboard.md, .csv, .tex and .html into `folder`, from records in any order.

    `thresholds` say what counts as collapsed, `files` where each record was read from,
    `columns` which columns the LaTeX table has (ConfigurationError for a wrong one). Raises
    ResultsError, naming files, where the records cannot be compared.
    """
    from analysis import leaderboard
    from analysis.common import comparable, operations, outputs

    thresholds = thresholds or operations.CollapseThresholds()
    ordered = comparable.order(records, facts, files)
    return outputs.write(folder, leaderboard.make(ordered, facts, thresholds, columns))


def write_all(
    folder: Path,
    records: Sequence[FinishedRecord],
    facts: StudyFacts,
    *,
    thresholds: CollapseThresholds | None = None,
    files: Files | None = None,
    formats: Sequence[str] = (),
) -> list[Path]:
    """Write every table and figure of a study into `folder`; the paths, in the order written.

    The leaderboard, collapse, sparsity and posterior (tables and figures), the versions of packages
    and a drawing of every found cell; the ledger where claims are about its methods; operations
    alive by epoch and candidates' accuracies where methods report them; known accuracies where they
    were looked up, and their cost where architectures were trained one by one; rank correlations
    between depths where cells have several; the uncertainty of predictions where the study measured
    it; the differences of variations where it has some. Tuned evaluations, which are of the same
    searches again, are in the leaderboard alone. Posterior tables are looked for beside the
    records that `files` names, else in `folder`/records. Tables with a row per trial say whether
    its search failed to train. The bytes depend on the records and the study alone, not on their
    order. formats: svg, pdf: of the figures, beside their PNG. Raises ResultsError where the
    records cannot be compared.
    """
    from analysis import cells
    from analysis.common import comparable, failed_searches, outputs

    ordered = comparable.order(records, facts, files)
    posteriors = _locate_posteriors(folder, files)
    judged = failed_searches.judge(ordered, facts)
    made = _make_all(ordered, facts, thresholds, posteriors)
    marked = (failed_searches.mark(part, judged) for part in made)
    cells.remove_others(folder, ordered)
    return [path for part in marked for path in outputs.write(folder, part, formats)]


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
        claims,
        collapse,
        cost,
        depth,
        leaderboard,
        posterior,
        sparsity,
        truth,
        uncertainty,
        versions,
    )
    from analysis.common import operations, plots
    from analysis.common.trials import leave_tuned_out

    thresholds = thresholds or operations.CollapseThresholds()
    looks = plots.Looks.choose(records, facts)
    yield leaderboard.make(records, facts, thresholds)
    yield claims.make([(facts, records)], thresholds)
    own = leave_tuned_out(records)
    yield collapse.make(own, thresholds, posteriors, looks)
    yield sparsity.make(own, looks)
    yield posterior.make(own, posteriors, looks)
    yield versions.make(records)
    yield from (cells.make(record, looks) for record in cells.choose(records))
    yield alive.make(own, looks)
    yield candidates.make(own, looks)
    yield truth.make(own, looks)
    yield cost.make(own, looks)
    yield uncertainty.make(own, looks)
    yield depth.make(own, looks, facts)
    if facts.variations:
        yield ablation.make(own, facts, looks)


def write_claims(
    folder: Path,
    studies: Sequence[Gathered],
    *,
    thresholds: CollapseThresholds | None = None,
) -> list[Path]:
    """Write claims.md, .csv and .png of one or several studies into `folder`.

    Raises ResultsError where the records of a study cannot be compared with each other.
    """
    from analysis import claims
    from analysis.common import operations, outputs

    thresholds = thresholds or operations.CollapseThresholds()
    return outputs.write(folder, claims.make(_order_studies(studies), thresholds))


def format_claims(
    studies: Sequence[Gathered], *, thresholds: CollapseThresholds | None = None
) -> dict[str, str]:
    """What README files take over of the ledger, by kind of block (`bench.claims.blocks.KINDS`).

    Raises as `write_claims`.
    """
    from analysis import claims
    from analysis.common import operations

    thresholds = thresholds or operations.CollapseThresholds()
    return claims.make_sentences(_order_studies(studies), thresholds)


def list_questions(records: Sequence[FinishedRecord], facts: StudyFacts) -> list[Question]:
    """What seeds are added for, and what the seeds so far say of it: `bench run --until-decided`.

    Each method against the baseline, and the study's own claims, on each data set. Raises
    ResultsError where the records cannot be compared.
    """
    from analysis import claims
    from analysis.common import comparable, operations
    from analysis.leaderboard import questions

    ordered = comparable.order(records, facts)
    thresholds = operations.CollapseThresholds()
    return [
        *questions.list_questions(ordered, facts),
        *claims.list_questions(facts, ordered, thresholds),
    ]


def write_ablation(
    folder: Path, records: Sequence[FinishedRecord], facts: StudyFacts
) -> list[Path]:
    """Write the differences of a study's variations from its base into `folder`.

    Raises ConfigurationError where the study has no variations, ResultsError where the records
    cannot be compared.
    """
    from analysis import ablation
    from analysis.common import comparable, outputs, plots
    from analysis.common.trials import leave_tuned_out

    ordered = leave_tuned_out(comparable.order(records, facts))
    looks = plots.Looks.choose(ordered, facts)
    return outputs.write(folder, ablation.make(ordered, facts, looks))


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
    from analysis import claims, report
    from analysis.common import comparable, operations, outputs
    from analysis.leaderboard import content

    thresholds = thresholds or operations.CollapseThresholds()
    written = write_all(folder, records, facts, thresholds=thresholds, files=files)
    ordered = comparable.order(records, facts, files)
    page = report.make(
        ordered,
        failed,
        content.build(ordered, facts, thresholds),
        claims.decide_studies([(facts, ordered)], thresholds),
        figures=[path for path in written if path.suffix == ".png" and path.parent == folder],
        posteriors=_locate_posteriors(folder, files),
    )
    return outputs.write(folder, page)[0]


def write_index(
    folder: Path,
    studies: Sequence[Gathered],
    *,
    thresholds: CollapseThresholds | None = None,
) -> Path:
    """Write index.html into `folder`, the folder of all results, which has the studies' folders.

    Tuned evaluations are left out, so that methods are ranked with the settings that all share. It
    links to those of a study's pages that are there. Raises ResultsError where the records of a
    study cannot be compared with each other.
    """
    from analysis import claims
    from analysis.common import operations, outputs
    from analysis.common.trials import leave_tuned_out
    from analysis.leaderboard import content
    from analysis.report import index

    thresholds = thresholds or operations.CollapseThresholds()
    described = [
        index.Study(
            own.folder.name,
            content.build(leave_tuned_out(records), facts, thresholds),
            claims.decide_studies([(facts, records)], thresholds),
            [path.name for path in own.folder.iterdir()],
        )
        for own, (facts, records) in zip(studies, _order_studies(studies), strict=True)
    ]
    return outputs.write(folder, index.make(described))[0]


def write_calibration(
    folder: Path, populations: Sequence[Population], seed: int, region: float
) -> list[Path]:
    """Write simulated coverage and power on the accuracies of all cells of tables into `folder`.

    seed: of the simulations; region: of practical equivalence, in points.
    """
    from analysis import calibration
    from analysis.common import outputs

    return outputs.write(folder, calibration.make(populations, seed, region))


def write_tuning(folder: Path, made: Mapping[str, Any]) -> list[Path]:
    """Write tables and figures of a tuning's record into `folder`; the paths, in order."""
    from analysis import tuning
    from analysis.common import outputs

    return outputs.write(folder, tuning.make(made))


def _order_studies(studies: Sequence[Gathered]) -> list[tuple[StudyFacts, list[FinishedRecord]]]:
    from analysis.common import comparable

    return [(one.facts, comparable.order(one.records, one.facts, one.files)) for one in studies]


def _locate_posteriors(folder: Path, files: Files | None) -> Path:
    """The folder of the posterior tables: beside the records."""
    return Path(next(iter(files.values()))).parent if files else folder / "records"
