"""The posterior at the end of the search: what it dropped, and what its confidence was worth."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.common.files import write_csv
from analysis.common.trials import Record, StudyFacts, datasets_of, identity, stem
from bench.columns import POSTERIOR
from bench.errors import ResultsError

QUANTITIES = ("log_alpha", "drop_probability")
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
FEWEST_POINTS = 5
"""Below this no rank correlation is stated."""

_TRIAL = ("method", "dataset", "seed", "trial")
SUMMARY_COLUMNS = (
    "method", "dataset", "operation", "quantity", "trials", "values", "alive_share", "mean",
    *(f"quantile_{int(100 * level):02d}" for level in QUANTILES),
)  # fmt: skip
CONFIDENCE_COLUMNS = (
    *_TRIAL, "selected", "mean_probability", "least_probability", "test_accuracy_percent",
)  # fmt: skip
CORRELATION_COLUMNS = ("method", "dataset", "points", "spearman")
WITHIN = "within methods"
"""The row of all methods whose confidence varies, each centred: what it says beyond the method."""


def write(
    folder: Path, records: Sequence[Record], study: StudyFacts, tables: Path | None = None
) -> list[Path]:
    """Write posterior.csv, posterior_confidence.csv, _correlation.csv and their figures.

    `tables`: the folder of the records' posterior tables (default: records/ in `folder`). A record
    without one is left out.
    """
    found = final(records, tables or folder / "records")
    points = confidence(found, records)
    written = [
        write_csv(folder / "posterior.csv", summary(found)),
        write_csv(folder / "posterior_confidence.csv", points),
        write_csv(folder / "posterior_correlation.csv", correlations(points)),
    ]
    from analysis.posterior import figures as posterior_figures

    if found[list(QUANTITIES)].notna().any(axis=None):
        path = folder / "posterior.png"
        written.append(posterior_figures.histograms(path, found, records, study))
    if len(points):
        path = folder / "posterior_confidence.png"
        written.append(posterior_figures.reliability(path, points, records, study))
    return written


def final(records: Sequence[Record], tables: Path) -> pd.DataFrame:
    """The rows of every record's last epoch: the trial's columns, then those of `POSTERIOR`.

    Raises ResultsError, naming the file, at a damaged table.
    """
    parts = [part for record in records if (part := _last(record, tables)) is not None]
    if not parts:
        return pd.DataFrame(columns=[*_TRIAL, *POSTERIOR], dtype=float)
    return pd.concat(parts, ignore_index=True)


def _last(record: Record, tables: Path) -> pd.DataFrame | None:
    rows = read(record, tables)
    if rows is None:
        return None
    rows = rows[rows["epoch"] == rows["epoch"].max()]
    return rows.assign(**identity(record))[[*_TRIAL, *POSTERIOR]]


def read(record: Record, tables: Path) -> pd.DataFrame | None:
    """A record's posterior table, all epochs; None where there is none.

    Raises ResultsError, naming the file, where it is damaged.
    """
    path = tables / f"{stem(record)}.posterior.csv"
    if not path.is_file():
        return None
    try:
        text = path.read_text(encoding="utf-8")
        rows = pd.read_csv(io.StringIO(text))
        if list(rows.columns) != list(POSTERIOR):
            raise ValueError(f"columns {', '.join(map(str, rows.columns))[:80]}")
        numbers = [*QUANTITIES, "probability"]
        rows[numbers] = rows[numbers].astype(float)
        if not len(rows) or not text.endswith("\n"):
            raise ValueError("rows are cut short or missing")
        if not rows["selected"].dropna().isin([True, False]).all():
            raise ValueError("selected is neither True nor False")
        rows["selected"] = rows["selected"].eq(True)
    except (ValueError, OSError) as error:
        message = " ".join(str(error).split())
        raise ResultsError(f"posterior table {path} is damaged: {message}") from error
    return rows


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """One row a (method, data set, operation, quantity) over edges and seeds; all: "all"."""
    made: list[dict[str, Any]] = []
    for (method, dataset), part in rows.groupby(["method", "dataset"], sort=False):
        for quantity in QUANTITIES:
            with_values = part[part[quantity].notna()]
            for operation, chosen in _by_operation(with_values):
                values = chosen[quantity]
                made.append(
                    {
                        "method": method,
                        "dataset": dataset,
                        "operation": operation,
                        "quantity": quantity,
                        "trials": chosen["trial"].nunique(),
                        "values": len(values),
                        "alive_share": _share(chosen["alive"]),
                        "mean": values.mean(),
                    }
                    | {
                        f"quantile_{int(100 * level):02d}": values.quantile(level)
                        for level in QUANTILES
                    }
                )
    return pd.DataFrame(made, columns=list(SUMMARY_COLUMNS))


def _by_operation(rows: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    if len(rows):
        yield "all", rows
    for operation, part in rows.groupby("operation", sort=True):
        yield str(operation), part


def _share(flags: pd.Series[Any]) -> float | None:
    known = flags.dropna()
    return float(known.astype(float).mean()) if len(known) else None


def confidence(rows: pd.DataFrame, records: Sequence[Record]) -> pd.DataFrame:
    """One row a trial whose posterior gives probabilities: its confidence in what it selected.

    The probability of an operation is that of being the best of its edge; a trial's confidence is
    the mean of those of the selected operations.
    """
    made = []
    chosen = rows[rows["selected"].astype(bool) & rows["probability"].notna()]
    by_trial = dict(iter(chosen.groupby("trial")))
    for record in records:
        names = identity(record)
        part = by_trial.get(names["trial"])
        part = None if part is None else part[part["method"] == names["method"]]
        if part is not None and len(part):
            made.append(
                names
                | {
                    "selected": len(part),
                    "mean_probability": part["probability"].mean(),
                    "least_probability": part["probability"].min(),
                    "test_accuracy_percent": 100 * record["evaluation"]["test"]["accuracy"],
                }
            )
    return pd.DataFrame(made, columns=list(CONFIDENCE_COLUMNS))


def correlations(points: pd.DataFrame) -> pd.DataFrame:
    """Spearman's rho of confidence and accuracy, by data set and method and within methods.

    Empty where there are fewer than `FEWEST_POINTS` points or all confidences are equal.
    """
    made = []
    for dataset, part in points.groupby("dataset", sort=False):
        for method, own in part.groupby("method", sort=False):
            made.append({"method": method, "dataset": dataset, **_spearman(own)})
        values = part[["mean_probability", "test_accuracy_percent"]]
        groups = values.groupby(part["method"])
        varied = groups["mean_probability"].transform("nunique") > 1
        centred = (values - groups.transform("mean"))[varied]
        made.append({"method": WITHIN, "dataset": dataset, **_spearman(centred.round(12))})
    return pd.DataFrame(made, columns=list(CORRELATION_COLUMNS))


def _spearman(points: pd.DataFrame) -> dict[str, Any]:
    ranks = points[["mean_probability", "test_accuracy_percent"]].rank()
    varied = len(ranks) >= FEWEST_POINTS and bool((ranks.nunique() > 1).all())
    rho = float(ranks.corr().to_numpy()[0, 1]) if varied else None
    return {"points": len(points), "spearman": rho}


def datasets_with(points: pd.DataFrame, records: Sequence[Record], study: StudyFacts) -> list[str]:
    """The data sets that have rows, in the study's order."""
    return [name for name in datasets_of(records, study) if name in set(points["dataset"])]
