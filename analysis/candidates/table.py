"""Accuracies of candidates with inherited weights, and how they order the retrained ones."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from analysis.common.intervals import FEWEST_RESAMPLED, LEVEL, Array
from analysis.common.rank_statistics import ceiling, reliability
from analysis.common.trials import CANDIDATE_KINDS, TRIAL_COLUMNS, identify, list_pairs
from bench.records.schema import FinishedRecord

BOTH = "both"
COLUMNS = (
    *TRIAL_COLUMNS, "drawn", "candidate", "inherited_percent", "retrained_percent", "trainings"
)  # fmt: skip
CORRELATION_COLUMNS = (
    *TRIAL_COLUMNS, "drawn", "candidates", "spearman", "low", "high", "ceiling"
)  # fmt: skip
RESAMPLES = 2000
FEWEST_CANDIDATES = 3
"""Below this the table states no correlation of one trial's candidates; claims ask for more."""


def tabulate(records: Iterable[FinishedRecord]) -> pd.DataFrame:
    """One row per candidate: accuracies on validation images, percent; the columns are `COLUMNS`.

    retrained_percent: mean after trainings from scratch (those of a table, where the study is of
    known accuracies), empty for those that were not trained; trainings: how many.
    """
    rows = [
        identify(record)
        | {"drawn": kind, "candidate": number, "inherited_percent": 100 * pair.inherited}
        | {"retrained_percent": 100 * pair.retrained if pair.trainings else None}
        | {"trainings": len(pair.trainings)}
        for record in records
        for kind in CANDIDATE_KINDS
        for number, pair in enumerate(list_pairs(record, kind))
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"retrained_percent": float})


def correlate(records: Iterable[FinishedRecord]) -> pd.DataFrame:
    """Spearman's correlation of inherited and retrained accuracy, by trial and kind and together.

    low, high: 95 % percentile bootstrap over candidates; empty where one side does not vary, and
    for fewer than `FEWEST_RESAMPLED` candidates.
    ceiling: what the noise of trainings leaves, empty where it is not known.
    """
    rows: list[dict[str, Any]] = []
    for record in records:
        for kind in (*CANDIDATE_KINDS, BOTH):
            drawn = CANDIDATE_KINDS if kind == BOTH else (kind,)
            pairs = [pair for one in drawn for pair in list_pairs(record, one) if pair.trainings]
            if len(pairs) < FEWEST_CANDIDATES:
                continue
            x, y = np.array([(pair.inherited, pair.retrained) for pair in pairs]).T
            value, low, high = bootstrap_spearman(x, y)
            rows.append(
                identify(record)
                | {"drawn": kind, "candidates": len(pairs)}
                | {"spearman": value, "low": low, "high": high}
                | {"ceiling": ceiling(reliability([pair.trainings for pair in pairs]))}
            )
    return pd.DataFrame(rows, columns=list(CORRELATION_COLUMNS)).astype({"ceiling": float})


def bootstrap_spearman(x: Array, y: Array) -> tuple[float, float, float]:
    """Correlation of the ranks (ties share theirs) and its interval; NaN where one is constant.

    The interval is NaN for fewer than `FEWEST_RESAMPLED` too: too many of their resamples are in
    the same order.
    """
    generator = np.random.default_rng(0)
    drawn = generator.integers(len(x), size=(RESAMPLES, len(x)))
    (value,) = _correlate_rows(x[None], y[None])
    resampled = _correlate_rows(x[drawn], y[drawn])
    resampled = resampled[~np.isnan(resampled)]
    if np.isnan(value) or not len(resampled) or len(x) < FEWEST_RESAMPLED:
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
