"""Accuracy against non-zero parameters, over the thresholds of a method's zeroing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import EngFormatter

from analysis.common import plots
from analysis.common.statistics import interval, summarise
from analysis.common.trials import Record, StudyFacts, all_labels, datasets_of, identity, labels_of
from analysis.leaderboard.notes import interval_sentence

COLUMNS = (
    "method", "dataset", "seed", "trial", "threshold", "used", "parameters", "nonzero_parameters",
    "test_accuracy_percent", "validation_accuracy_percent",
)  # fmt: skip


def table(records: Sequence[Record]) -> pd.DataFrame:
    """One row a (trial, threshold), from the least zeroed on; accuracies in percent.

    `used` marks the threshold of the trial's own result. A trial whose method zeroes nothing has
    one row, without threshold: its network as it is. Older records have no path and no rows.
    """
    rows: list[dict[str, Any]] = []
    for record in records:
        evaluation = record["evaluation"]
        if "zeroing_path" not in evaluation:
            continue
        whole = identity(record) | {"parameters": evaluation["parameters"]}
        points = sorted(evaluation["zeroing_path"], key=lambda point: -point["nonzero_parameters"])
        for point in points or [evaluation]:
            threshold = point.get("threshold") if points else None
            rows.append(
                whole
                | {
                    "threshold": threshold,
                    "used": not points or threshold == evaluation.get("threshold"),
                    "nonzero_parameters": point["nonzero_parameters"],
                    "test_accuracy_percent": _percent(point["test"]),
                    "validation_accuracy_percent": _percent(point["validation"]),
                }
            )
    return pd.DataFrame(rows, columns=list(COLUMNS))


def draw(path: Path, points: pd.DataFrame, records: Sequence[Record], study: StudyFacts) -> Path:
    """Write sparsity_path.png: a panel a data set, a line a method with a band over seeds."""
    present = [name for name in datasets_of(records, study) if name in set(points["dataset"])]
    everyone = all_labels(records, study)
    with plots.style():
        made = plots.figure(max(6.5, 4.8 * len(present)), 4.6)
        grid = made.subplots(1, len(present), squeeze=False)[0]
        for axes, dataset in zip(grid, present, strict=True):
            chosen = points[points["dataset"] == dataset]
            for label in labels_of(records, study):
                _method(axes, chosen[chosen["method"] == label], label, everyone)
            axes.set_title(plots.wrapped(dataset, 34))
            axes.set(xlabel="Non-zero parameters (number)")
            largest = float(chosen[["parameters", "nonzero_parameters"]].to_numpy().max())
            axes.set_xlim(-0.02 * largest, 1.04 * largest)
            axes.xaxis.set_major_formatter(EngFormatter(sep=" "))
            axes.grid()
        grid[0].set_ylabel("Test accuracy (%)")
        plots.legend_above(made, grid[0])
        plots.caption(
            made,
            "Thick: mean over seeds at each threshold of the method's zeroing, with the 95 % "
            "interval of that mean as a band; thin: the seeds. Filled: the threshold of the "
            "leaderboard's result. A method that zeroes nothing is a point with its interval. "
            f"{interval_sentence()}",
        )
        return plots.save(made, path)


def _method(axes: Axes, part: pd.DataFrame, label: str, everyone: Sequence[str]) -> None:
    if not len(part):
        return
    colour, marker = plots.colours(everyone)[label], plots.markers(everyone)[label]
    look: dict[str, Any] = {"color": colour, "marker": marker}
    x, y = "nonzero_parameters", "test_accuracy_percent"
    if part["threshold"].isna().all():
        found = summarise(part[y].to_numpy(), (0, 100))
        at = part[x].mean()
        if found.low is not None and found.high is not None:
            axes.plot([at, at], [found.low, found.high], "-", color=colour, lw=2)
        axes.scatter(part[x], part[y], s=12, facecolors="white", edgecolors=colour, marker=marker)
        axes.plot([at], [found.mean], ls="none", ms=7, label=label, **look)
        return
    for _, one in part.groupby("seed", sort=True):
        axes.plot(one[x], one[y], "-", color=colour, lw=0.6, alpha=0.5)
    rows = []
    for threshold, one in part.groupby("threshold", sort=True):
        rows.append(
            (one[x].mean(), one[y].mean(), *interval(one[y].to_numpy(), (0, 100)), threshold)
        )
    means = pd.DataFrame(rows, columns=["x", "y", "low", "high", "threshold"]).sort_values("x")
    axes.fill_between(means["x"], means["low"], means["high"], color=colour, alpha=0.15, lw=0)
    axes.plot(means["x"], means["y"], lw=2, ms=5, mfc="white", label=label, **look)
    used = part.loc[part["used"], "threshold"].unique()
    own = means[means["threshold"].isin(used)]
    axes.plot(own["x"], own["y"], ls="none", ms=7, **look)


def _percent(quality: dict[str, Any] | None) -> float | None:
    return None if quality is None else 100 * float(quality["accuracy"])
