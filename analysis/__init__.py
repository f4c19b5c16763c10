"""Tables and figures as pure functions of records; needs no torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

__all__ = ["write_ablation", "write_all", "write_leaderboard", "write_report", "write_tuning"]


def write_leaderboard(
    folder: Path,
    records: Sequence[Mapping[str, Any]],
    study: Mapping[str, Any],
    names: Mapping[tuple[str, str], str] | None = None,
) -> list[Path]:
    """Write leaderboard.md, .csv, .tex and .html into `folder`, from finished records in any order.

    `study` has the keys of `analysis.common.trials.StudyFacts`; `names` are the records' files, by
    label and id. Raises ResultsError, naming files, where the records cannot be compared.
    """
    from analysis.common import comparable, trials
    from analysis.leaderboard import files as leaderboard_files

    rows = comparable.ordered(records, study, names)
    return leaderboard_files.write(folder, rows, trials.facts(study))


def write_all(
    folder: Path,
    records: Sequence[Mapping[str, Any]],
    study: Mapping[str, Any],
    names: Mapping[tuple[str, str], str] | None = None,
) -> list[Path]:
    """Write every table and figure of a study into `folder`; the paths, in the order written.

    The leaderboard, collapse, sparsity and posterior (tables and figures) and a drawing of every
    found cell; operations alive by epoch and candidates' accuracies where methods report them;
    known accuracies where they were looked up; the differences of variations where the study has
    some. Posterior tables are looked for beside the records that `names` gives, else in
    `folder`/records.
    The bytes depend on the records and the study alone, not on their order. Raises ResultsError
    where the records cannot be compared.
    """
    from analysis.alive import table as alive
    from analysis.candidates import tables as candidates
    from analysis.cells import drawing as cells
    from analysis.collapse import tables as collapse
    from analysis.common import comparable, trials
    from analysis.leaderboard import files as leaderboard_files
    from analysis.posterior import tables as posterior
    from analysis.sparsity import tables as sparsity
    from analysis.truth import tables as truth

    rows, facts = comparable.ordered(records, study, names), trials.facts(study)
    tables = Path(next(iter(names.values()))).parent if names else None
    written = [
        *leaderboard_files.write(folder, rows, facts),
        *collapse.write(folder, rows, facts, tables),
        *sparsity.write(folder, rows, facts),
    ]
    written += posterior.write(folder, rows, facts, tables)
    for part in (cells, alive, candidates, truth):
        written += part.write(folder, rows, facts)
    if study.get("variations"):
        written += write_ablation(folder, records, study)
    return written


def write_tuning(folder: Path, made: Mapping[str, Any]) -> list[Path]:
    """Write tables and figures of a tuning's record into `folder`; the paths, in order."""
    from analysis.tuning import tables as tuning

    return tuning.write(folder, made)


def write_ablation(
    folder: Path, records: Sequence[Mapping[str, Any]], study: Mapping[str, Any]
) -> list[Path]:
    """Write the differences of a study's variations from its base into `folder`.

    Raises ConfigurationError where the study has no variations.
    """
    from analysis.ablation import table as ablation
    from analysis.common import comparable

    return ablation.write(folder, comparable.ordered(records, study), study)


def write_report(
    folder: Path,
    records: Sequence[Mapping[str, Any]],
    failed: Sequence[Mapping[str, Any]],
    study: Mapping[str, Any],
    names: Mapping[tuple[str, str], str] | None = None,
) -> Path:
    """Write every table and figure, and report.html, a page that has them all in it."""
    from analysis.common import comparable, trials
    from analysis.report import report

    written = write_all(folder, records, study, names)
    figures = [path for path in written if path.suffix == ".png" and path.parent == folder]
    tables = Path(next(iter(names.values()))).parent if names else folder / "records"
    rows, facts = comparable.ordered(records, study, names), trials.facts(study)
    return report.write(folder, rows, failed, facts, study, figures, tables)
