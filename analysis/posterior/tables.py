"""Posteriors at the end of searches as tables: distributions, confidence, correlation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.common import posterior_tables
from analysis.common.posterior_tables import QUANTITIES
from analysis.common.rank_statistics import spearman
from analysis.common.trials import TRIAL_COLUMNS, average_accuracy, identify
from bench.columns import POSTERIOR
from bench.records.schema import FinishedRecord

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)

SUMMARY_COLUMNS = (
    "method", "dataset", "operation", "quantity", "trials", "values", "alive_share", "mean",
    *(f"quantile_{int(100 * level):02d}" for level in QUANTILES),
)  # fmt: skip
CONFIDENCE_COLUMNS = (
    *TRIAL_COLUMNS, "selected", "mean_probability", "least_probability", "test_accuracy_percent",
)  # fmt: skip
CORRELATION_COLUMNS = ("method", "dataset", "points", "spearman")
PAIR = ["mean_probability", "test_accuracy_percent"]
WITHIN = "within methods"
"""The row of all methods whose confidence varies, each centred: what it says beyond the method."""


def read_final(records: Sequence[FinishedRecord], folder: Path) -> pd.DataFrame:
    """Posterior rows of the last epoch of every record: the trial's columns, then `POSTERIOR`.

    Raises ResultsError, naming the file, at a damaged table.
    """
    parts, trials = [], []
    for record in records:
        rows = posterior_tables.read(record, folder)
        if rows is not None:
            last = rows[rows["epoch"].to_numpy() == rows["epoch"].max()]
            parts.append(last)
            trials += [identify(record)] * len(last)
    if not parts:
        return pd.DataFrame(columns=[*TRIAL_COLUMNS, *POSTERIOR], dtype=float)
    names = pd.DataFrame(trials, columns=list(TRIAL_COLUMNS))
    return pd.concat([names, pd.concat(parts, ignore_index=True)], axis=1)


def summarise(rows: pd.DataFrame) -> pd.DataFrame:
    """One row per (method, data set, operation, quantity) over edges and seeds.

    The operation "all" is that of all operations together.
    """
    summaries: list[dict[str, Any]] = []
    for (method, dataset), part in rows.groupby(["method", "dataset"], sort=False):
        for quantity in QUANTITIES:
            for operation, own in _by_operation(part[part[quantity].notna()]):
                values, alive = own[quantity], own["alive"].dropna().astype(float)
                summaries.append(
                    {
                        "method": method,
                        "dataset": dataset,
                        "operation": operation,
                        "quantity": quantity,
                        "trials": own["trial"].nunique(),
                        "values": len(values),
                        "alive_share": float(alive.mean()) if len(alive) else None,
                        "mean": values.mean(),
                    }
                    | {
                        f"quantile_{int(100 * level):02d}": values.quantile(level)
                        for level in QUANTILES
                    }
                )
    return pd.DataFrame(summaries, columns=list(SUMMARY_COLUMNS))


def _by_operation(rows: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    if len(rows):
        yield "all", rows
    for operation, part in rows.groupby("operation", sort=True):
        yield str(operation), part


def tabulate_confidence(rows: pd.DataFrame, records: Sequence[FinishedRecord]) -> pd.DataFrame:
    """One row per trial whose posterior gives probabilities: its confidence in what it selected.

    rows: of `read_final`. The probability of an operation is that of being the best of its edge; a
    trial's confidence is the mean of those of the selected operations.
    """
    points = []
    selected = rows[rows["selected"].astype(bool) & rows["probability"].notna()]
    by_trial = dict(iter(selected.groupby(["method", "trial"])))
    for record in records:
        names = identify(record)
        own = by_trial.get((names["method"], names["trial"]))
        if own is not None:
            points.append(
                names
                | {
                    "selected": len(own),
                    "mean_probability": own["probability"].mean(),
                    "least_probability": own["probability"].min(),
                    "test_accuracy_percent": average_accuracy(record),
                }
            )
    return pd.DataFrame(points, columns=list(CONFIDENCE_COLUMNS))


def correlate(points: pd.DataFrame) -> pd.DataFrame:
    """Spearman's rho of confidence and accuracy, by data set and method and within methods.

    Empty where there are too few points or all confidences are equal.
    """
    rows = []
    for dataset, part in points.groupby("dataset", sort=False):
        groups = part[PAIR].groupby(part["method"], sort=False)
        varied = groups["mean_probability"].transform("nunique") > 1
        centred = (part[PAIR] - groups.transform("mean"))[varied].round(12)
        for method, own in (*groups, (WITHIN, centred)):
            rows.append((method, dataset, len(own), spearman(own[PAIR[0]], own[PAIR[1]])))
    return pd.DataFrame(rows, columns=list(CORRELATION_COLUMNS)).astype({"spearman": float})
