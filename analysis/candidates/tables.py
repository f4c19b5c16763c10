"""Candidates with inherited weights: do guided ones beat uniform ones, and what does it foretell?

For methods that draw architectures from a posterior and evaluate them with the super-network's
weights, beside as many drawn uniformly at the same expected size (PGNAS).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.common.files import write_csv
from analysis.common.statistics import LEVEL, Array
from analysis.common.trials import Record, StudyFacts, identity

KINDS = ("guided", "uniform")
BOTH = "both"
COLUMNS = (
    "method",
    "dataset",
    "seed",
    "trial",
    "drawn",
    "candidate",
    "inherited_percent",
    "retrained_percent",
)
RANK_COLUMNS = (
    "method",
    "dataset",
    "seed",
    "trial",
    "drawn",
    "candidates",
    "spearman",
    "low",
    "high",
)
RESAMPLES = 2000


def write(folder: Path, records: Sequence[Record], study: StudyFacts) -> list[Path]:
    """Write candidates.csv and .png where there are candidates, inheritance.* where retrained."""
    found = table(records)
    if not len(found):
        return []
    from analysis.candidates import figure as candidates_figure

    figure = candidates_figure.distribution(folder / "candidates.png", found, records, study)
    written = [write_csv(folder / "candidates.csv", found), figure]
    if len(ranks := rank_correlations(found)):
        written += [
            write_csv(folder / "inheritance.csv", ranks),
            candidates_figure.inheritance(folder / "inheritance.png", found, ranks),
        ]
    return written


def table(records: Sequence[Record]) -> pd.DataFrame:
    """One row a candidate: accuracies on validation images, percent.

    retrained_percent: after a training from scratch, empty for those that were not trained.
    """
    rows: list[dict[str, Any]] = []
    for record in records:
        selection = record["selection"]
        for kind in KINDS:
            inherited = (selection.get(kind) or {}).get("accuracies") or ()
            trained = (selection.get("retrained") or {}).get(kind) or ()
            for number, accuracy in enumerate(inherited):
                again = 100 * trained[number] if number < len(trained) else None
                rows.append(
                    identity(record)
                    | {"drawn": kind, "candidate": number, "inherited_percent": 100 * accuracy}
                    | {"retrained_percent": again}
                )
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"retrained_percent": float})


def rank_correlations(candidates: pd.DataFrame) -> pd.DataFrame:
    """Spearman's correlation of inherited and retrained accuracy, by trial and kind and together.

    low, high: 95 % percentile bootstrap over candidates; empty where one side does not vary.
    """
    trained = candidates.dropna(subset=["retrained_percent"])
    rows = []
    for key, part in trained.groupby(list(COLUMNS[:4]), sort=False):
        for kind in (*KINDS, BOTH):
            chosen = part if kind == BOTH else part[part["drawn"] == kind]
            pairs = chosen[["inherited_percent", "retrained_percent"]].to_numpy(dtype=float)
            if len(pairs) >= 3:
                rows.append((*key, kind, len(pairs), *spearman(pairs[:, 0], pairs[:, 1])))
    return pd.DataFrame(rows, columns=list(RANK_COLUMNS))


def spearman(x: Array, y: Array) -> tuple[float, float, float]:
    """Correlation of the ranks (ties share theirs) and its interval; NaN where one is constant."""
    generator = np.random.default_rng(0)
    drawn = generator.integers(len(x), size=(RESAMPLES, len(x)))
    (value,) = _spearman_rows(x[None], y[None])
    resampled = _spearman_rows(x[drawn], y[drawn])
    resampled = resampled[~np.isnan(resampled)]
    if np.isnan(value) or not len(resampled):
        return float(value), float("nan"), float("nan")
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(resampled, [tail, 1 - tail])
    return float(value), float(low), float(high)


def _spearman_rows(x: Array, y: Array) -> Array:
    """[rows, values] twice -> [rows]"""
    centred = []
    for values in (x, y):
        ranks = pd.DataFrame(values).rank(axis=1).to_numpy()
        centred.append(ranks - ranks.mean(axis=1, keepdims=True))
    one, other = centred
    scale = np.sqrt((one**2).sum(axis=1) * (other**2).sum(axis=1))
    with np.errstate(invalid="ignore", divide="ignore"):
        found: Array = (one * other).sum(axis=1) / scale
    return found
