"""Accuracies of candidates with inherited weights, and how they order the retrained ones."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from analysis.common.intervals import LEVEL, Array
from analysis.common.trials import TRIAL_COLUMNS, identify
from bench.records.schema import FinishedRecord

KINDS = ("guided", "uniform")
BOTH = "both"
COLUMNS = (*TRIAL_COLUMNS, "drawn", "candidate", "inherited_percent", "retrained_percent")
CORRELATION_COLUMNS = (*TRIAL_COLUMNS, "drawn", "candidates", "spearman", "low", "high")
RESAMPLES = 2000
FEWEST_CANDIDATES = 3
"""Below this no rank correlation is stated."""


def tabulate(records: Iterable[FinishedRecord]) -> pd.DataFrame:
    """One row per candidate: accuracies on validation images, percent; the columns are `COLUMNS`.

    retrained_percent: after a training from scratch, empty for those that were not trained.
    """
    rows: list[dict[str, Any]] = []
    for record in records:
        selection = record.selection
        for kind, candidates in (("guided", selection.guided), ("uniform", selection.uniform)):
            retrained = (selection.retrained or {}).get(kind) or ()
            for number, accuracy in enumerate(candidates.accuracies if candidates else ()):
                again = 100 * retrained[number] if number < len(retrained) else None
                rows.append(
                    identify(record)
                    | {"drawn": kind, "candidate": number, "inherited_percent": 100 * accuracy}
                    | {"retrained_percent": again}
                )
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"retrained_percent": float})


def correlate(candidates: pd.DataFrame) -> pd.DataFrame:
    """Spearman's correlation of inherited and retrained accuracy, by trial and kind and together.

    low, high: 95 % percentile bootstrap over candidates; empty where one side does not vary.
    """
    trained = candidates.dropna(subset=["retrained_percent"])
    rows = []
    for trial, part in trained.groupby(list(TRIAL_COLUMNS), sort=False):
        for kind in (*KINDS, BOTH):
            own = part if kind == BOTH else part[part["drawn"] == kind]
            x, y = own[["inherited_percent", "retrained_percent"]].to_numpy(dtype=float).T
            if len(x) >= FEWEST_CANDIDATES:
                rows.append((*trial, kind, len(x), *bootstrap_spearman(x, y)))
    return pd.DataFrame(rows, columns=list(CORRELATION_COLUMNS))


def bootstrap_spearman(x: Array, y: Array) -> tuple[float, float, float]:
    """Correlation of the ranks (ties share theirs) and its interval; NaN where one is constant."""
    generator = np.random.default_rng(0)
    drawn = generator.integers(len(x), size=(RESAMPLES, len(x)))
    (value,) = _correlate_rows(x[None], y[None])
    resampled = _correlate_rows(x[drawn], y[drawn])
    resampled = resampled[~np.isnan(resampled)]
    if np.isnan(value) or not len(resampled):
        return float(value), float("nan"), float("nan")
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(resampled, [tail, 1 - tail])
    return float(value), float(low), float(high)


def _correlate_rows(x: Array, y: Array) -> Array:
    """The rank correlation of each row of x with that of y: [rows, values] twice -> [rows]."""
    ranks = (pd.DataFrame(values).rank(axis=1).to_numpy() for values in (x, y))
    one, other = (rank - rank.mean(axis=1, keepdims=True) for rank in ranks)
    scale = np.sqrt((one**2).sum(axis=1) * (other**2).sum(axis=1))
    with np.errstate(invalid="ignore", divide="ignore"):
        correlations: Array = (one * other).sum(axis=1) / scale
    return correlations
