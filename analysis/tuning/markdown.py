"""The page about a tuning: what it gained on validation images, the best settings, the cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from analysis.common import text
from analysis.common.text import Note
from analysis.tuning.table import Group, Row, find_best, find_front, list_parameters, name_group

HEADINGS = (
    "for", "default, %", "best, %", "gain, points", "complete", "pruned", "diverged or failed",
    "not tried yet", "hours",
)  # fmt: skip
FRONT_HEADINGS = ("for", "setting", "validation accuracy, %", "non-zero parameters")


def format_page(record: Mapping[str, Any]) -> str:
    """tuning.md, from a tuning's record."""
    groups = record["groups"]
    numeric = [False] + [True] * (len(HEADINGS) - 1)
    lines = [
        *text.format_heading(f"Tuning: {record['study']}, one setting per {record['per']}"),
        *text.format_table(HEADINGS, numeric, map(_summarise, groups)),
        "",
        "## Best settings",
        "",
        *_format_settings(groups),
        "",
        *text.format_notes(_explain(record)),
    ]
    if len(record["objectives"]) > 1:
        numeric = [False] + [True] * (len(FRONT_HEADINGS) - 1)
        rows = [_format_point(group, row) for group in groups for row in find_front(group)]
        lines += ["", "## Pareto fronts", "", *text.format_table(FRONT_HEADINGS, numeric, rows)]
    return "\n".join([*lines, ""])


def _summarise(group: Group) -> list[str]:
    rows = group["rows"]
    states = Counter(row["state"] for row in rows)
    default, best = _accuracy(rows[0]), _accuracy(find_best(group))
    gain = None if default is None or best is None else 100 * (best - default)
    counts = [states["complete"], states["pruned"], states["diverged"] + states["failed"]]
    return [
        name_group(group),
        *("-" if value is None else f"{100 * value:.2f}" for value in (default, best)),
        "-" if gain is None else f"{gain:+.2f}",
        *map(str, (*counts, len(rows) - sum(counts))),
        f"{sum(row['seconds'] for row in rows) / 3600:.2f}",
    ]


def _accuracy(row: Row | None) -> float | None:
    return None if row is None or row["values"] is None else float(row["values"][0])


def _format_settings(groups: Sequence[Group]) -> list[str]:
    """A table with a row per hyper-parameter and a column per group."""
    headings = ["hyper-parameter", *map(name_group, groups)]
    rows = [
        [name, *(_format_setting(group, name) for group in groups)]
        for name in list_parameters(groups)
    ]
    return text.format_table(headings, [False] * len(headings), rows)


def _format_setting(group: Group, parameter: str) -> str:
    """The best value, the default where it differs, and the parameter's importance."""
    best = find_best(group)
    if best is None or parameter not in best["parameters"]:
        return "-"
    default = next(p["default"] for p in group["parameters"] if p["name"] == parameter)
    value = best["parameters"][parameter]
    share = group["importances"].get(parameter)
    importance = "" if share is None else f" [{100 * share:.0f} %]"
    changed = "" if value == default else f" (default {default:.3g})"
    return f"{value:.3g}{changed}{importance}"


def _format_point(group: Group, row: Row) -> list[str]:
    accuracy, nonzero = row["values"]
    return [name_group(group), str(row["place"]), f"{100 * accuracy:.2f}", f"{nonzero:,.0f}"]


def _explain(record: Mapping[str, Any]) -> list[Note]:
    group = record["groups"][0]
    count = len(group["architectures"])
    epochs = f"{group['epochs']} epochs"
    if group["epochs"] != group["evaluation_epochs"]:
        epochs += f" (the study's evaluation has {group['evaluation_epochs']})"
    pruner = record["pruner"] if len(record["objectives"]) == 1 else "none"
    return [
        Note(
            f"Every group had the same budget, {record['trials']} settings, the default one first."
            f" Each setting trains {count} architecture{'s' * (count > 1)} from scratch for"
            f" {epochs}, always with the same seeds, and is judged by accuracy on validation"
            f" images. The sampler is TPE with seed {record['seed']}, the pruner {pruner}."
        ),
        Note(
            "The best of many is chosen by the same validation images that it is reported on, so"
            " its gain is optimistic: what counts are the leaderboard's tuned rows, on test images."
        ),
        Note(
            "In brackets is a hyper-parameter's share of the accuracy's variance over the complete"
            " settings (fANOVA), which is a rough hint where there are some ten settings."
        ),
        Note("No test image was within reach of the tuning."),
    ]
