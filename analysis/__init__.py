"""Tables and figures as pure functions of records; needs no torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

__all__ = ["write_ablation", "write_all", "write_leaderboard", "write_tuning"]


def write_leaderboard(
    folder: Path, records: Sequence[Mapping[str, Any]], study: Mapping[str, Any]
) -> list[Path]:
    """Write leaderboard.md and leaderboard.csv into `folder`, from finished records in any order.

    `study` has the keys of `analysis.trials.StudyFacts`. Raises ResultsError where the records
    cannot be compared.
    """
    from analysis import leaderboard, trials

    return leaderboard.write(folder, trials.ordered(records, study), trials.facts(study))


def write_all(
    folder: Path, records: Sequence[Mapping[str, Any]], study: Mapping[str, Any]
) -> list[Path]:
    """Write every table and figure of a study into `folder`; the paths, in the order written.

    The leaderboard, collapse and sparsity (tables and figures), a drawing of every found cell, and
    the differences of variations where the study has some.
    The bytes depend on the records and the study alone, not on their order. Raises ResultsError
    where the records cannot be compared.
    """
    from analysis import cells, collapse, leaderboard, sparsity, trials

    rows, facts = trials.ordered(records, study), trials.facts(study)
    written = [
        path
        for part in (leaderboard, collapse, sparsity, cells)
        for path in part.write(folder, rows, facts)
    ]
    if study.get("variations"):
        written += write_ablation(folder, records, study)
    return written


def write_tuning(folder: Path, made: Mapping[str, Any]) -> list[Path]:
    """Write tables and figures of a tuning's record into `folder`; the paths, in order."""
    from analysis import tuning

    return tuning.write(folder, made)


def write_ablation(
    folder: Path, records: Sequence[Mapping[str, Any]], study: Mapping[str, Any]
) -> list[Path]:
    """Write the differences of a study's variations from its base into `folder`.

    Raises ConfigurationError where the study has no variations.
    """
    from analysis import ablation, trials

    return ablation.write(folder, trials.ordered(records, study), study)
