"""Figures of a tuning: its history, what mattered, the settings tried, and the Pareto front."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from analysis.common import plots

Group = Mapping[str, Any]
COLUMNS = 2  # panels beside each other
BEST, TRIED, BAD = plots.OKABE_ITO[1], plots.OKABE_ITO[0], plots.GREY


def write(folder: Path, made: Mapping[str, Any]) -> list[Path]:
    """history.png, importances.png, parallel.png, and pareto.png of two objectives."""
    groups = made["groups"]
    paths = []
    with plots.style():
        paths.append(plots.save(history(groups), folder / "history.png"))
        if any(group["importances"] for group in groups):
            paths.append(plots.save(importances(groups), folder / "importances.png"))
        paths.append(plots.save(parallel(groups), folder / "parallel.png"))
        if len(made["objectives"]) > 1:
            paths.append(plots.save(pareto(groups), folder / "pareto.png"))
    return paths


def history(groups: Sequence[Group]) -> Figure:
    """Validation accuracy by setting, in the order tried, and the best so far."""
    figure, panels = _panels(groups, 2.3)
    for group, axes in zip(groups, panels, strict=True):
        best: list[float] = []
        places: list[int] = []
        for row in group["rows"]:
            seen = row["values"][0] if row["values"] else None
            if seen is None and row["steps"]:
                seen = row["steps"][-1][1]
            if seen is None:
                continue
            full = row["state"] == "complete"
            axes.plot(
                row["place"], 100 * seen, "o" if full else "x", ms=5, color=TRIED if full else BAD
            )
            if full:
                places.append(row["place"])
                best.append(max([100 * seen, *best[-1:]]))
        axes.plot(places, best, color=BEST, drawstyle="steps-post", lw=1.5, zorder=1)
        axes.set_ylabel("validation accuracy, %")
        axes.set_xlabel("setting (0: default)")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        _zoom(axes, group)
        axes.grid(axis="y")
    plots.caption(
        figure,
        "Filled: settings trained to the end. Crosses: pruned (their last accuracy) or diverged;"
        " those far below are at the lower edge. Line: the best so far.",
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


def importances(groups: Sequence[Group]) -> Figure:
    """Each hyper-parameter's share of the variance of accuracy over complete settings."""
    frame = pd.DataFrame(
        [{k: 100 * v for k, v in group["importances"].items()} for group in groups],
        index=[_name(group) for group in groups],
    )
    names = list(dict.fromkeys(p["name"] for group in groups for p in group["parameters"]))
    frame = frame.reindex(columns=[name for name in names if name in frame.columns])
    figure = plots.figure(7.2, 1.7 + 0.45 * len(groups))
    plots.percentages(figure.subplots(), frame)
    plots.caption(
        figure,
        "Share of the variance of validation accuracy over the complete settings, % (fANOVA)."
        " With few settings a rough hint. Grey: not among this group's.",
    )
    return figure


def parallel(groups: Sequence[Group]) -> Figure:
    """Every setting as a line over its hyper-parameters, coloured by validation accuracy."""
    figure, panels = _panels(groups, 2.9, columns=1)
    for group, axes in zip(groups, panels, strict=True):
        space = group["parameters"]
        complete = [row for row in group["rows"] if row["values"]]
        accuracies = [100 * row["values"][0] for row in complete]
        low = float(np.quantile(accuracies, 0.1)) if accuracies else 0.0
        norm = Normalize(low, max([*accuracies, low + 0.1]))
        colour = colormaps["viridis_r"]
        for row in group["rows"]:
            if len(row["parameters"]) < len(space):
                continue
            heights = [_height(row["parameters"][p["name"]], p) for p in space]
            if row["values"]:
                accuracy = 100 * row["values"][0]
                best = row["place"] == group["best"]
                axes.plot(
                    range(len(space)),
                    heights,
                    color=colour(norm(accuracy)),
                    lw=2.6 if best else 1.1,
                    zorder=accuracy,
                )
            else:
                axes.plot(range(len(space)), heights, color="#C8C8C8", lw=0.7, ls=":", zorder=0)
        for index, parameter in enumerate(space):
            axes.axvline(index, color="#BBBBBB", lw=0.8, zorder=0)
            ends = (parameter["low"], parameter["high"])
            if parameter["choices"]:
                ends = (min(parameter["choices"]), max(parameter["choices"]))
            for height, value, side in zip((0, 1), ends, ("top", "bottom"), strict=True):
                axes.annotate(
                    f"{value:.3g}",
                    (index, height),
                    xytext=(0, -2 if side == "top" else 2),
                    textcoords="offset points",
                    ha="center",
                    va=side,
                    fontsize=7.5,
                    color=plots.GREY,
                )
        labels = [plots.wrapped(p["name"].replace("method.", ""), 11) for p in space]
        axes.set_xticks(range(len(space)), labels)
        axes.tick_params(axis="x", pad=10, length=0)
        axes.set_ylim(-0.02, 1.02)
        axes.set_xlim(-0.3, len(space) - 0.7)
        axes.set_yticks([])
        axes.spines[:].set_visible(False)
        axes.set_title(axes.get_title(), pad=14)
        mappable = ScalarMappable(norm, colour)
        figure.colorbar(mappable, ax=axes, label="validation accuracy, %", aspect=12)
    plots.caption(
        figure,
        "A line is a setting; the thick one is the best. Dotted grey: pruned, diverged or failed."
        " The colour scale begins at the lowest tenth.",
    )
    return figure


def _height(value: float, parameter: Mapping[str, Any]) -> float:
    """Where a value lies on its axis, 0 to 1."""
    if parameter["choices"]:
        choices = list(parameter["choices"])
        return choices.index(value) / max(1, len(choices) - 1)
    low, high = parameter["low"], parameter["high"]
    if parameter["log"]:
        low, high, value = math.log(low), math.log(high), math.log(value)
    return (value - low) / (high - low) if high > low else 0.5


def pareto(groups: Sequence[Group]) -> Figure:
    """Accuracy against non-zero parameters of the complete settings, with the front."""
    from analysis.tuning.tables import front

    figure, panels = _panels(groups, 2.6)
    for group, axes in zip(groups, panels, strict=True):
        complete = [row for row in group["rows"] if row["values"]]
        sizes = [row["values"][1] / 1000 for row in complete]
        axes.plot(
            sizes, [100 * r["values"][0] for r in complete], "o", ms=5, mfc="none", color=TRIED
        )
        edge = front(group["rows"])
        axes.plot(
            [row["values"][1] / 1000 for row in edge],
            [100 * row["values"][0] for row in edge],
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
    plots.caption(
        figure,
        "Hollow: settings trained to the end. Filled, with the line: the Pareto front (no other is"
        " both smaller and better). Square: the default setting.",
    )
    return figure


def _panels(
    groups: Sequence[Group], height: float, columns: int = COLUMNS
) -> tuple[Figure, list[Axes]]:
    """A panel a group, titled with what it is for."""
    columns = min(columns, len(groups))
    rows = math.ceil(len(groups) / columns)
    figure = plots.figure(7.2, 0.6 + height * rows)
    made = figure.subplots(rows, columns, squeeze=False)
    panels = [axes for line in made for axes in line]
    for axes in panels[len(groups) :]:
        axes.set_visible(False)
    for group, axes in zip(groups, panels, strict=False):
        axes.set_title(_name(group), loc="left")
    return figure, panels[: len(groups)]


def _name(group: Group) -> str:
    from analysis.tuning.tables import name

    return name(group)
