"""The page's own figures as data: places in percent of a width; charts.html.j2 draws them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from analysis.common.plots import Looks
from bench.records.schema import mark_tuned

SPARE = 4.0
"""What is left free at each end of an axis, percent of its length."""
HEIGHT = 300
"""Of the scatter plot, pixels; across, a place is percent of however wide the page is."""
LOGARITHMIC_FROM = 30.0
"""A cost is shown on a logarithmic axis where the largest is so many times the smallest."""
LEAST_COST = 0.1
"""Seconds; a search that took less is drawn here, as most that need no search."""
LABEL_HEIGHT = 15
NEAR = 25.0
"""The length of a label on a narrow screen, percent."""


@dataclass(frozen=True)
class Axis:
    """A scale: ticks (place in percent, text), and what it measures."""

    title: str
    ticks: Sequence[tuple[float, str]]
    place: Callable[[float], float]


@dataclass(frozen=True)
class Row:
    """A method's mean with its interval and its trials; a `title` shows when it is pointed at."""

    name: str
    title: str
    colour: int
    mean: float
    interval: tuple[float, float] | None
    trials: Sequence[tuple[float, str, bool]]


@dataclass(frozen=True)
class Dots:
    """A dot-and-interval plot: a row per method, the best first."""

    axis: Axis
    rows: Sequence[Row]


@dataclass(frozen=True)
class Point:
    """A method in the scatter plot: x in percent, y in pixels from above."""

    name: str
    title: str
    colour: int
    x: float
    y: float
    label_y: float
    is_on_front: bool

    @property
    def anchor(self) -> str:
        """Which end of the label is at the point, so that it stays inside."""
        return "end" if self.x > 55 else "start"


@dataclass(frozen=True)
class Scatter:
    """Accuracy against cost; `steps`: of the Pareto front, ((x, y), (x, y)) each.

    asking: methods that are not in it, as the accuracies that they ask for cost them nothing.
    """

    x: Axis
    y: Axis
    points: Sequence[Point]
    steps: Sequence[tuple[tuple[float, float], tuple[float, float]]]
    asking: Sequence[str] = ()


def make_dots(rows: pd.DataFrame, trials: pd.DataFrame, accuracy: str, looks: Looks) -> Dots:
    """The plot of one data set.

    rows: of the leaderboard; trials: method, evaluation, seed, accuracy_percent and failed, a row
    per trial; accuracy: what it is called.
    """
    axis = _make_axis(trials["accuracy_percent"].tolist(), f"{accuracy}, %")
    return Dots(axis, [_make_row(row, trials, axis, looks) for row in rows.to_dict("records")])


def _make_row(row: dict[Any, Any], trials: pd.DataFrame, axis: Axis, looks: Looks) -> Row:
    is_own = (trials["method"] == row["method"]) & (trials["evaluation"] == row["evaluation"])
    mean, low, high = (row[f"test_accuracy_{end}percent"] for end in ("", "low_", "high_"))
    name = _name(row, looks)
    interval = None if pd.isna(low) else (_clip(axis.place(low)), _clip(axis.place(high)))
    range_ = "" if pd.isna(low) else f", 95 % interval {low:.2f} to {high:.2f}"
    marks = [
        (
            axis.place(one["accuracy_percent"]),
            f"{name}, seed {one['seed']}: {one['accuracy_percent']:.2f} %"
            + (", search failed to train" if one["failed"] else ""),
            bool(one["failed"]),
        )
        for one in trials[is_own].to_dict("records")
    ]
    title = f"{name}: mean {mean:.2f} %{range_}, {row['seeds']} seeds"
    return Row(name, title, _colour(row, looks), axis.place(mean), interval, marks)


def make_scatter(
    rows: pd.DataFrame, accuracy: str, looks: Looks, asking: Sequence[str] = ()
) -> Scatter | None:
    """Mean accuracy against the mean time of a search, tuning included, of one data set.

    asking: methods whose searches asked a table for accuracies, whose time is not their cost; they
    are left out. None where no other is left.
    """
    left_out = [name for name in looks.list_present(rows) if name in asking]
    rows = rows[~rows["method"].isin(left_out)]
    if not len(rows):
        return None
    costs = (rows["search_seconds"] + rows["tuning_seconds"].fillna(0)).clip(lower=LEAST_COST)
    x = _make_axis(costs.tolist(), "search time, s", is_cost=True)
    y = _make_axis(rows["test_accuracy_percent"].tolist(), f"{accuracy}, %")
    points: list[Point] = []
    front = list_front(costs.tolist(), rows["test_accuracy_percent"].tolist())
    for place, (row, cost) in enumerate(zip(rows.to_dict("records"), costs, strict=True)):
        name, mean = _name(row, looks), row["test_accuracy_percent"]
        seconds = row["search_seconds"] + (0 if pd.isna(row["tuning_seconds"]) else
                                           row["tuning_seconds"])  # fmt: skip
        title = f"{name}: {mean:.2f} %, {seconds:,.1f} s"
        height = (100 - y.place(mean)) / 100 * HEIGHT
        points.append(
            Point(name, title, _colour(row, looks), x.place(cost), height, height, place in front)
        )
    steps = []
    ordered = sorted((point for point in points if point.is_on_front), key=lambda one: one.x)
    for one, other in pairwise(ordered):
        steps += [((one.x, one.y), (other.x, one.y)), ((other.x, one.y), (other.x, other.y))]
    return Scatter(x, y, _spread_labels(points), steps, left_out)


def list_front(costs: Sequence[float], accuracies: Sequence[float]) -> set[int]:
    """Places of those that no other is better than at the same cost or cheaper."""
    pairs = list(zip(costs, accuracies, strict=True))
    return {
        place
        for place, (cost, accuracy) in enumerate(pairs)
        if not any((c <= cost and a > accuracy) or (c < cost and a == accuracy) for c, a in pairs)
    }


def _spread_labels(points: Sequence[Point]) -> list[Point]:
    """Labels of points on one side of the plot, moved up or down until none covers another."""
    wanted = [point.y + LABEL_HEIGHT * _is_crowded(point, points) for point in points]
    for side in ("start", "end"):
        own = [place for place, point in enumerate(points) if point.anchor == side]
        own.sort(key=lambda place: (wanted[place], points[place].x))
        for above, place in pairwise(own):
            wanted[place] = max(wanted[place], wanted[above] + LABEL_HEIGHT)
        lowest = float(HEIGHT)
        for place in reversed(own):
            wanted[place] = min(wanted[place], lowest)
            lowest = wanted[place] - LABEL_HEIGHT
    return [replace(point, label_y=height) for point, height in zip(points, wanted, strict=True)]


def _is_crowded(point: Point, points: Sequence[Point]) -> bool:
    """Whether another point lies where the label would stand, on a narrow screen."""
    sign = -1 if point.anchor == "end" else 1
    return any(
        0 <= sign * (other.x - point.x) < NEAR and abs(other.y - point.y) < LABEL_HEIGHT / 2
        for other in points
        if other is not point
    )


def _make_axis(values: Sequence[float], title: str, *, is_cost: bool = False) -> Axis:
    """A scale from the least to the largest; of costs logarithmic where they differ much."""
    low, high = min(values), max(values)
    spare = 9.0 if is_cost else SPARE  # ticks of accuracies stand at the left
    if is_cost and low > 0 and high / low >= LOGARITHMIC_FROM:
        start, end = math.log10(low), math.log10(high)
        ticks = [10.0**power for power in range(math.ceil(start), math.floor(end) + 1)]

        def place_log(value: float) -> float:
            return spare + (100 - 2 * spare) * (math.log10(value) - start) / (end - start)

        return Axis(title, [(place_log(tick), f"{tick:g}") for tick in ticks], place_log)
    if high - low < 0.01 * max(1.0, abs(high)):
        low, high = low - 0.5, high + 0.5

    def place(value: float) -> float:
        return spare + (100 - 2 * spare) * (value - low) / (high - low)

    step = 10 ** math.floor(math.log10((high - low) / 3))
    step = next(step * factor for factor in (1, 2, 5, 10) if (high - low) / (step * factor) <= 5)
    ticks = np.arange(math.ceil(low / step) * step, high + 1e-9, step).tolist()
    return Axis(title, [(place(tick), f"{tick:g}") for tick in (round(t, 6) for t in ticks)], place)


def _clip(place: float) -> float:
    return min(100.0, max(0.0, place))


def _name(row: dict[Any, Any], looks: Looks) -> str:
    return mark_tuned(looks.name(row["method"]), row["evaluation"] == "tuned")


def _colour(row: dict[Any, Any], looks: Looks) -> int:
    """The number of the method's colour in the style sheet."""
    return looks.labels.index(row["method"]) % 8
