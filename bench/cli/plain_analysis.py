"""The package analysis, handed plain data: removed when analysis takes objects."""

# removed when analysis takes objects: `import analysis` takes this module's place

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import analysis
from analysis import write_tuning as write_tuning
from bench.records.facts import StudyFacts
from bench.records.schema import FailedRecord, FinishedRecord, RunRecord, text

Thresholds = Mapping[str, float]
Files = Mapping[tuple[str, str], str]


def plain(record: RunRecord) -> dict[str, Any]:
    """As its file has it, with sorted keys."""
    values: dict[str, Any] = json.loads(text(record))
    return values


def _summary(facts: StudyFacts, thresholds: Thresholds | None = None) -> dict[str, Any]:
    summary: dict[str, Any] = {
        **{key: getattr(facts, key) for key in ("name", "description", "notes", "baseline")},
        **{key: list(getattr(facts, key)) for key in ("labels", "datasets", "seeds")},
        "failed": facts.failed,
        "missing": facts.missing,
        "gate": {"text": facts.gate} if facts.gate else None,
        "collapsed_at": dict(thresholds or {}),
    }
    if facts.variations:
        varied = list(facts.variations)
        summary |= {"base": facts.base, "variations": dict(facts.variations), "varied": varied}
    return summary


def write_leaderboard(
    folder: Path,
    records: Sequence[FinishedRecord],
    facts: StudyFacts,
    *,
    thresholds: Thresholds | None = None,
    files: Files | None = None,
) -> list[Path]:
    return analysis.write_leaderboard(
        folder, list(map(plain, records)), _summary(facts, thresholds), files
    )


def write_all(
    folder: Path,
    records: Sequence[FinishedRecord],
    facts: StudyFacts,
    *,
    thresholds: Thresholds | None = None,
    files: Files | None = None,
) -> list[Path]:
    return analysis.write_all(folder, list(map(plain, records)), _summary(facts, thresholds), files)


def write_ablation(
    folder: Path, records: Sequence[FinishedRecord], facts: StudyFacts
) -> list[Path]:
    return analysis.write_ablation(folder, list(map(plain, records)), _summary(facts))


def write_report(
    folder: Path,
    records: Sequence[FinishedRecord],
    failed: Sequence[FailedRecord],
    facts: StudyFacts,
    *,
    thresholds: Thresholds | None = None,
    files: Files | None = None,
) -> Path:
    return analysis.write_report(
        folder,
        list(map(plain, records)),
        list(map(plain, failed)),
        _summary(facts, thresholds),
        files,
    )
