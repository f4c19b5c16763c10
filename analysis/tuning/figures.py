"""Figures of a tuning: its history, what mattered, the settings tried, and the Pareto front."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from analysis.common import plots
from analysis.tuning.table import Group, find_front, list_complete, list_parameters, name_group

COLUMNS = 2  # panels beside each other
BEST, TRIED, BAD = plots.OKABE_ITO[1], plots.OKABE_ITO[0], plots.GREY


@plots.styled
def draw_history(groups: Sequence[Group]) -> Figure:
    """Validation accuracy by setting, in the order tried, and the best so far."""
    figure, panels = _create_panels(groups, 2.3)
    for group, axes in zip(groups, panels, strict=True):
        best: list[float] = []
        places: list[int] = []
        for row in group["rows"]:
            seen = row["values"] or [accuracy for _, accuracy in row["steps"][-1:]]
            if not seen:
                continue
            accuracy, complete = 100 * seen[0], row["state"] == "complete"
            mark, colour = ("o", TRIED) if complete else ("x", BAD)
            axes.plot(row["place"], accuracy, mark, ms=5, color=colour)
            if complete:
                places.append(row["place"])
                best.append(max([accuracy, *best[-1:]]))
        axes.plot(places, best, color=BEST, drawstyle="steps-post", lw=1.5, zorder=1)
        axes.set_ylabel("validation accuracy, %")
        axes.set_xlabel("setting (0: default)")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        _zoom(axes, group)
        axes.grid(axis="y")
    plots.add_caption(
        figure,
        "Filled marks are settings trained to the end, crosses those that were pruned (their last"
        " accuracy) or diverged; those far below are at the lower edge. The line is the best so"
        " far.",
    )
    return figure


def _zoom(axes: Axes, group: Group) -> None:
    """Limits that show the complete settings; what lies below is drawn at the lower edge."""
    values = [100 * row["values"][0] for row in group["rows"] if row["values"]]
    if not values:
        return
    low, high = float(np.quantile(values, 0.1)), max(values)
    margin = max(0.15 * (high - low), 0.25)
    floor = low - 2 * margin
    for line in axes.lines:
        heights = np.asarray(line.get_ydata(), dtype=float)
        line.set_ydata(np.maximum(heights, floor + 0.2 * margin))
    axes.set_ylim(floor, high + margin)


@plots.styled
def draw_importances(groups: Sequence[Group]) -> Figure:
    """Each hyper-parameter's share of the variance of accuracy over complete settings."""
    frame = pd.DataFrame(
        [{k: 100 * v for k, v in group["importances"].items()} for group in groups],
        index=[name_group(group) for group in groups],
    )
    names = [name for name in list_parameters(groups) if name in frame.columns]
    frame = frame.reindex(columns=names)
    figure = plots.create(7.2, 1.7 + 0.45 * len(groups))
    plots.draw_heat_map(figure.subplots(), frame)
    plots.add_caption(
        figure,
        "The share of the variance of validation accuracy over the complete settings, % (fANOVA),"
        " which is a rough hint where settings are few. What is grey is not among a group's.",
    )
    return figure


@plots.styled
def draw_parallel(groups: Sequence[Group]) -> Figure:
    """Every setting as a line over its hyper-parameters, coloured by validation accuracy."""
    figure, panels = _create_panels(groups, 2.9, columns=1)
    for group, axes in zip(groups, panels, strict=True):
        accuracies = [100 * row["values"][0] for row in list_complete(group)]
        low = float(np.quantile(accuracies, 0.1)) if accuracies else 0.0
        shade = ScalarMappable(Normalize(low, max([*accuracies, low + 0.1])), "viridis_r")
        _draw_settings(axes, group, shade)
        _label_parameters(axes, group["parameters"])
        axes.set_title(axes.get_title(), pad=14)
        figure.colorbar(shade, ax=axes, label="validation accuracy, %", aspect=12)
    plots.add_caption(
        figure,
        "A line is a setting; the thick one is the best. Dotted grey ones were pruned, diverged or"
        " failed. The colour scale begins at the lowest tenth.",
    )
    return figure


def _draw_settings(axes: Axes, group: Group, shade: ScalarMappable) -> None:
    space = group["parameters"]
    for row in group["rows"]:
        if len(row["parameters"]) < len(space):
            continue
        heights = [_height(row["parameters"][p["name"]], p) for p in space]
        if row["values"]:
            accuracy = 100 * row["values"][0]
            width = 2.6 if row["place"] == group["best"] else 1.1
            colour = shade.to_rgba(accuracy)
            axes.plot(range(len(space)), heights, color=colour, lw=width, zorder=accuracy)
        else:
            axes.plot(range(len(space)), heights, color="#C8C8C8", lw=0.7, ls=":", zorder=0)


def _label_parameters(axes: Axes, space: Sequence[Mapping[str, Any]]) -> None:
    """An axis per hyper-parameter, with its name and the ends of its range."""
    look = {**plots.SMALL, "fontsize": 7.5, "textcoords": "offset points"}
    for index, parameter in enumerate(space):
        axes.axvline(index, color="#BBBBBB", lw=0.8, zorder=0)
        choices = parameter["choices"] or (parameter["low"], parameter["high"])
        for height, value, side in ((0, min(choices), "top"), (1, max(choices), "bottom")):
            look["xytext"] = 0, -2 if side == "top" else 2
            axes.annotate(f"{value:.3g}", (index, height), ha="center", va=side, **look)
    labels = [plots.wrap(parameter["name"].replace("method.", ""), 11) for parameter in space]
    axes.set_xticks(range(len(space)), labels)
    axes.tick_params(axis="x", pad=10, length=0)
    axes.set_ylim(-0.02, 1.02)
    axes.set_xlim(-0.3, len(space) - 0.7)
    axes.set_yticks([])
    axes.spines[:].set_visible(False)


def _height(value: float, parameter: Mapping[str, Any]) -> float:
    """Where a value lies on its axis, 0 to 1."""
    if parameter["choices"]:
        choices = list(parameter["choices"])
        return choices.index(value) / max(1, len(choices) - 1)
    low, high = parameter["low"], parameter["high"]
    if parameter["log"]:
        low, high, value = math.log(low), math.log(high), math.log(value)
    return (value - low) / (high - low) if high > low else 0.5


@plots.styled
def draw_pareto(groups: Sequence[Group]) -> Figure:
    """Accuracy against non-zero parameters of the complete settings, with the front."""
    figure, panels = _create_panels(groups, 2.6)
    for group, axes in zip(groups, panels, strict=True):
        complete = list_complete(group)
        sizes = [row["values"][1] / 1000 for row in complete]
        axes.plot(
            sizes, [100 * r["values"][0] for r in complete], "o", ms=5, mfc="none", color=TRIED
        )
        front = find_front(group)
        axes.plot(
            [row["values"][1] / 1000 for row in front],
            [100 * row["values"][0] for row in front],
            "o-",
            ms=5,
            drawstyle="steps-post",
            color=BEST,
        )
        if group["rows"] and group["rows"][0]["values"]:
            accuracy, size = group["rows"][0]["values"]
            axes.plot(size / 1000, 100 * accuracy, "s", ms=8, mfc="none", mec="black")
        axes.set_xlabel("non-zero parameters, thousands")
        axes.set_ylabel("validation accuracy, %")
        axes.grid()
    plots.add_caption(
        figure,
        "Hollow marks are settings trained to the end; the filled ones on the line are the Pareto"
        " front (no other is both smaller and better). The square is the default setting.",
    )
    return figure


def _create_panels(
    groups: Sequence[Group], height: float, columns: int = COLUMNS
) -> tuple[Figure, list[Axes]]:
    """A panel per group, titled with what it is for."""
    figure, panels = plots.create_panels(
        len(groups), (0.0, height), columns=columns, least_width=7.2, margin=0.6
    )
    for group, axes in zip(groups, panels, strict=True):
        axes.set_title(name_group(group), loc="left")
    return figure, panels
