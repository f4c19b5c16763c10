"""The number of operations that methods call alive, by epoch."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from analysis.common.trials import TRIAL_COLUMNS, identify
from bench.records.schema import FinishedRecord

COLUMNS = (*TRIAL_COLUMNS, "epoch", "alive", "candidates")


def tabulate(records: Iterable[FinishedRecord]) -> pd.DataFrame:
    """One row per (trial, epoch) of methods that report `alive`, of all cell keys together.

    candidates: of how many operations, empty where that is not known. VINNAS counts relevances
    with log_alpha below its threshold, PGNAS drop probabilities below 1/2, BayesNAS entropies
    above its threshold.
    """
    rows = [
        identify(record)
        | {"epoch": epoch.epoch, "alive": int(alive), "candidates": record.selection.candidates}
        for record in records
        for epoch in record.search.epochs
        if (alive := epoch.diagnostics.get("alive")) is not None
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"candidates": "Int64"})
