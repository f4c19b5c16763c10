"""The posterior tables that searches leave beside their records."""

from __future__ import annotations

import io
from pathlib import Path

import pandas as pd

from bench.columns import POSTERIOR
from bench.errors import ResultsError
from bench.records.schema import FinishedRecord

QUANTITIES = ("log_alpha", "drop_probability")
"""The columns that say how far an operation is from being dropped."""


def read(record: FinishedRecord, folder: Path) -> pd.DataFrame | None:
    """A record's posterior table, all epochs, from `folder`; None where there is none.

    One row per (epoch, cell, edge, operation), with the columns `bench.columns.POSTERIOR`. Raises
    ResultsError, naming the file, where it is damaged.
    """
    path = folder / f"{record.trial.stem}.posterior.csv"
    if not path.is_file():
        return None
    try:
        text = path.read_text(encoding="utf-8")
        rows = pd.read_csv(io.StringIO(text))
        if list(rows.columns) != list(POSTERIOR):
            raise ValueError(f"columns {', '.join(map(str, rows.columns))[:80]}")
        for name in ("epoch", "edge"):
            if rows[name].dtype.kind != "i":
                raise ValueError(f"{name} is not always a whole number")
        numbers = [*QUANTITIES, "probability"]
        for name in numbers:
            if rows[name].dtype != float:
                rows[name] = rows[name].astype(float)
        if not len(rows) or not text.endswith("\n"):
            raise ValueError("rows are cut short or missing")
        if rows["selected"].dtype != bool:
            if not rows["selected"].dropna().isin([True, False]).all():
                raise ValueError("selected is neither True nor False")
            rows["selected"] = rows["selected"].eq(True)
    except (ValueError, OSError) as error:
        message = " ".join(str(error).split())
        raise ResultsError(f"posterior table {path} is damaged: {message}") from error
    return rows
