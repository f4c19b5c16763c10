"""The figure of sparsity: sizes, accuracy before and after the zeroing, and where the zeros are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import SubFigure
from matplotlib.ticker import EngFormatter

from analysis.common import operations, plots
from analysis.common.trials import Record, StudyFacts, all_labels, datasets_of, labels_of
from analysis.leaderboard.notes import interval_sentence


def draw(
    path: Path,
    trials: pd.DataFrame,
    layers: pd.DataFrame,
    records: Sequence[Record],
    study: StudyFacts,
) -> Path:
    """Write sparsity.png: a block a data set."""
    labels, datasets = labels_of(records, study), datasets_of(records, study)
    everyone = all_labels(records, study)
    row = 0.95 + 0.42 * len(labels)
    above_height = max(3.2, row)
    with plots.style():
        made = plots.figure(10.5, 0.7 + len(datasets) * (above_height + 0.4 + row))
        blocks = made.subfigures(len(datasets), 1, squeeze=False)[:, 0]
        for block, dataset in zip(blocks, datasets, strict=True):
            block.suptitle(f"Data set {dataset}", fontsize=11, weight="bold")
            above, below = block.subfigures(2, 1, height_ratios=[above_height, row])
            _above(above, trials[trials["dataset"] == dataset], labels, everyone)
            _below(below, layers[layers["dataset"] == dataset], labels)
        plots.caption(
            made,
            "Above left: an arrow a trial, from all parameters and the accuracy before the zeroing "
            "(hollow) to the non-zero parameters and the accuracy after it (filled); where nothing "
            "is zeroed the two coincide; colours and marks as at the right. Above right: hollow is "
            "a trial, filled the mean over seeds with its 95 % interval as a bar. "
            f"{interval_sentence()} Below: zeros over parameters, mean over seeds; grey where "
            "there are no parameters.",
        )
        return plots.save(made, path)


def _above(
    figure: SubFigure, part: pd.DataFrame, labels: Sequence[str], everyone: Sequence[str]
) -> None:
    left, right = figure.subplots(1, 2)
    colour, marker = plots.colours(everyone), plots.markers(everyone)
    for label in labels:
        chosen = part[part["method"] == label]
        before = chosen[["parameters", "accuracy_before_percent"]].to_numpy(dtype=float)
        after = chosen[["nonzero_parameters", "accuracy_after_percent"]].to_numpy(dtype=float)
        for start, end in zip(before.tolist(), after.tolist(), strict=True):
            if start != end:
                arrow = {"arrowstyle": "-|>", "color": colour[label], "lw": 0.9, "alpha": 0.6}
                left.annotate("", end, start, arrowprops=arrow)
        mark = {"marker": marker[label], "s": 32, "edgecolors": colour[label]}
        left.scatter(*before.T, facecolors="white", **mark)
        left.scatter(*after.T, facecolors=colour[label], **mark)
    left.set(xlabel="Parameters (number)", ylabel="Test accuracy (%)")
    left.set_xlim(0, 1.06 * max(part["parameters"].max(), 1))
    left.xaxis.set_major_formatter(EngFormatter(sep=" "))
    left.grid()
    values = {
        label: list(100 * part.loc[part["method"] == label, "nonzero_ratio"]) for label in labels
    }
    plots.points_by_method(right, values, everyone)
    right.set_xlim(-4, 104)
    right.set_xlabel("Non-zero parameters (% of all)")


def _below(figure: SubFigure, part: pd.DataFrame, labels: Sequence[str]) -> None:
    part = part[part["parameters"] > 0]
    parts = sorted(set(part["part"]), key=_depth)
    kinds = sorted(set(part["operation"]), key=_kind)
    left, right = figure.subplots(1, 2, sharey=True)
    _zeros(left, part, "part", parts, labels)
    left.set_title("Zeros by part of the network, % of its parameters")
    _zeros(right, part, "operation", kinds, labels)
    right.set_title("Zeros by operation, % of its parameters")


def _zeros(
    axes: Axes, part: pd.DataFrame, by: str, columns: Sequence[str], labels: Sequence[str]
) -> None:
    sums = part.groupby(["method", "seed", by])[["zeros", "parameters"]].sum().reset_index()
    sums["share"] = 100 * sums["zeros"] / sums["parameters"]
    percent = sums.pivot_table(index="method", columns=by, values="share", aggfunc="mean")
    percent = percent.reindex(index=list(labels), columns=list(columns)).astype(float)
    plots.percentages(axes, percent)


def _depth(part: str) -> tuple[int, int, str]:
    """Sort key: what comes before the cells, the cells by number, what comes after."""
    if part.startswith("cell "):
        number = part.removeprefix("cell ")
        return 1, int(number) if number.isdigit() else 0, part
    return (0 if part.startswith("stem") else 2), 0, part


def _kind(operation: str) -> tuple[int, str]:
    """Sort key: the network's own layers as the data pass them, operations between them."""
    fixed = {"stem": 0, "preprocess": 1, "classifier": 4}
    return fixed.get(operation, 3 if operation in operations.PARAMETER_FREE else 2), operation
