"""Operations alive by epoch: whether a prior empties the cell, or leaves it whole."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from analysis.common.files import write_csv
from analysis.common.trials import Record, StudyFacts, identity

COLUMNS = ("method", "dataset", "seed", "trial", "epoch", "alive", "candidates")


def write(folder: Path, records: Sequence[Record], study: StudyFacts) -> list[Path]:
    """Write alive.csv and alive.png where a method says how many operations are alive."""
    found = table(records)
    if not len(found):
        return []
    from analysis.alive import figure as alive_figure

    figure = alive_figure.draw(folder / "alive.png", found, records, study)
    return [write_csv(folder / "alive.csv", found), figure]


def table(records: Sequence[Record]) -> pd.DataFrame:
    """One row a (trial, epoch) of methods that report `alive`; candidates: of how many, if known.

    VINNAS counts relevances with log_alpha below its threshold, PGNAS drop probabilities below
    1/2, BayesNAS entropies above its threshold; of all cell keys together.
    """
    rows = [
        identity(record)
        | {
            "epoch": epoch["epoch"],
            "alive": int(epoch["diagnostics"]["alive"]),
            "candidates": record["selection"].get("candidates"),
        }
        for record in records
        for epoch in record["search"]["epochs"]
        if (epoch.get("diagnostics") or {}).get("alive") is not None
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"candidates": "Int64"})
