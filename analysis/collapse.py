"""Collapse: how much of a found cell is one operation, or operations without parameters."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from analysis import operations
from analysis.files import write_csv
from analysis.trials import Record, StudyFacts, genotype, identity

INDICES = ("entropy", "parameter_free_share", "most_frequent_share")
_INDEX_COLUMNS = (
    "selected",
    "entropy",
    "parameter_free_share",
    "most_frequent",
    "most_frequent_share",
)
_TRIAL_COLUMNS = ("method", "dataset", "seed", "trial")


def write(folder: Path, records: Sequence[Record], study: StudyFacts) -> list[Path]:
    """Write collapse.csv, collapse_epochs.csv and, where there are records, their figures."""
    final, epochs = table(records), timeline(records)
    written = [
        write_csv(folder / "collapse.csv", final),
        write_csv(folder / "collapse_epochs.csv", epochs),
    ]
    if records:
        from analysis import collapse_figures

        written.append(collapse_figures.final(folder / "collapse.png", final, records, study))
        if len(epochs):
            path = folder / "collapse_epochs.png"
            written.append(collapse_figures.timelines(path, epochs, final, records, study))
    return written


def table(records: Sequence[Record]) -> pd.DataFrame:
    """One row a (trial, cell key) and one with all cells together (cell = "both").

    Columns: the trial; cell; genotype; selected (edges in the cell); entropy of operation types
    over its maximum; shares as fractions; and count_<operation>, share_<operation>. Shares and
    entropy of a cell with nothing selected are empty.
    """
    names = operations.in_order(records)
    rows: list[dict[str, Any]] = []
    for record in records:
        found, choices = genotype(record), len(operations.selectable(record))
        for key, count in operations.counts(found).items():
            total = sum(count.values())
            rows.append(
                identity(record)
                | {"cell": key, "genotype": found.digest}
                | operations.indices(count, choices)
                | {f"count_{name}": count[name] for name in names}
                | {f"share_{name}": count[name] / total if total else None for name in names}
            )
    columns = [*_TRIAL_COLUMNS, "cell", "genotype", *_INDEX_COLUMNS]
    columns += [f"{what}_{name}" for what in ("count", "share") for name in names]
    return pd.DataFrame(rows, columns=columns)


def timeline(records: Sequence[Record]) -> pd.DataFrame:
    """One row a (trial, epoch, cell key): what would have been selected after that epoch.

    Trials whose search recorded no genotype by epoch have no rows.
    """
    rows: list[dict[str, Any]] = []
    for record in records:
        trial, choices = identity(record), len(operations.selectable(record))
        for epoch, found in operations.by_epoch(record):
            for key, count in operations.counts(found).items():
                indices = operations.indices(count, choices)
                rows.append(trial | {"epoch": epoch, "cell": key} | indices)
    return pd.DataFrame(rows, columns=[*_TRIAL_COLUMNS, "epoch", "cell", *_INDEX_COLUMNS])
