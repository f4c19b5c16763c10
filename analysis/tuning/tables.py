"""What a tuning tried and found: tables and figures, from its record alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.common.files import write_csv
from analysis.tuning import figures as tuning_figures
from bench import files

Group = Mapping[str, Any]


def write(folder: Path, made: Mapping[str, Any]) -> list[Path]:
    """Write tuning.md, tuning.csv and figures of a tuning's record (`bench.tuning.records`)."""
    return [
        files.write(folder / "tuning.md", markdown(made)),
        write_csv(folder / "tuning.csv", table(made)),
        *tuning_figures.write(folder, made),
    ]


def name(group: Group) -> str:
    """What a group's settings are for."""
    of = group["for"]
    known = [str(of[key]) for key in ("method", "dataset") if key in of]
    return ", ".join(known + ([f"seed {of['seed']}"] if "seed" in of else []))


def table(made: Mapping[str, Any]) -> pd.DataFrame:
    """One row a setting: what it was for, what came of it (`objectives`), its hyper-parameters."""
    rows = []
    for group in made["groups"]:
        for row in group["rows"]:
            values = row["values"] or [None] * len(made["objectives"])
            rows.append(
                {
                    **{key: group["for"].get(key) for key in ("method", "dataset", "seed")},
                    "setting": row["place"],
                    "state": row["state"],
                    **dict(zip(_columns(made), values, strict=True)),
                    "epochs_seen": len(row["steps"]) or None,
                    "seconds": row["seconds"],
                    **row["parameters"],
                }
            )
    return pd.DataFrame(rows)


def _columns(made: Mapping[str, Any]) -> list[str]:
    names = {"accuracy": "validation_accuracy", "nonzero": "nonzero_parameters"}
    return [names[objective] for objective in made["objectives"]]


def markdown(made: Mapping[str, Any]) -> str:
    """What each group gained on validation images, its best setting, and what that cost."""
    lines = [f"# Tuning: {made['study']}, one setting per {made['per']}", ""]
    lines += [
        "| for | default, % | best, % | gain, points | complete | pruned | diverged or failed "
        "| not yet | hours |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    lines += [_summary(group) for group in made["groups"]]
    lines += ["", "## Best settings", "", *_settings(made["groups"]), "", *_notes(made)]
    if len(made["objectives"]) > 1:
        lines += ["", "## Pareto fronts", "", *_fronts(made["groups"])]
    return "\n".join([*lines, ""])


def _summary(group: Group) -> str:
    rows = group["rows"]
    states = pd.Series([row["state"] for row in rows]).value_counts()
    default, best = _accuracy(rows[0]), _accuracy(_best(group))
    gain = None if default is None or best is None else 100 * (best - default)
    bad = states.get("diverged", 0) + states.get("failed", 0)
    counts = [states.get("complete", 0), states.get("pruned", 0), bad]
    counts.append(len(rows) - sum(counts))
    cells = [
        name(group),
        *("-" if value is None else f"{100 * value:.2f}" for value in (default, best)),
        "-" if gain is None else f"{gain:+.2f}",
        *(str(count) for count in counts),
        f"{sum(row['seconds'] for row in rows) / 3600:.2f}",
    ]
    return f"| {' | '.join(cells)} |"


def _settings(groups: Sequence[Group]) -> list[str]:
    """A table: a hyper-parameter a row, a group a column; the default where it differs."""
    names = list(dict.fromkeys(p["name"] for group in groups for p in group["parameters"]))
    head = ["hyper-parameter", *(name(group) for group in groups)]
    lines = [f"| {' | '.join(head)} |", f"|---|{'---|' * len(groups)}"]
    for parameter in names:
        cells = [_setting(group, parameter) for group in groups]
        lines.append(f"| {parameter} | {' | '.join(cells)} |")
    return lines


def _setting(group: Group, parameter: str) -> str:
    best = _best(group)
    if best is None or parameter not in best["parameters"]:
        return "-"
    default = next(p["default"] for p in group["parameters"] if p["name"] == parameter)
    value = best["parameters"][parameter]
    share = group["importances"].get(parameter)
    importance = "" if share is None else f" [{100 * share:.0f} %]"
    text = f"{value:.3g}" if value == default else f"{value:.3g} (default {default:.3g})"
    return text + importance


def _notes(made: Mapping[str, Any]) -> list[str]:
    group = made["groups"][0]
    few = len(group["architectures"])
    epochs = f"{group['epochs']} epochs"
    if group["epochs"] != group["evaluation_epochs"]:
        epochs += f" (the study's evaluation has {group['evaluation_epochs']})"
    return [
        f"- Every group had the same budget, {made['trials']} settings, the default one first; each"
        f" trains {few} architecture{'s' * (few > 1)} from scratch for {epochs}, all with the same"
        f" seeds, and is judged by accuracy on validation images. Sampler: TPE, seed"
        f" {made['seed']}; pruner: {made['pruner'] if len(made['objectives']) == 1 else 'none'}.",
        "- The best of many is chosen by the same validation images that it is reported on, so its"
        " gain is optimistic: the leaderboard's tuned rows, on test images, are what counts.",
        "- In brackets: a hyper-parameter's share of the accuracy's variance over the complete"
        " settings (fANOVA); with some ten settings a rough hint, no more.",
        "- No test image was within reach of the tuning.",
    ]


def _fronts(groups: Sequence[Group]) -> list[str]:
    lines = [
        "| for | setting | validation accuracy, % | non-zero parameters |",
        "|---|---:|---:|---:|",
    ]
    for group in groups:
        for row in front(group["rows"]):
            accuracy, nonzero = row["values"]
            lines.append(
                f"| {name(group)} | {row['place']} | {100 * accuracy:.2f} | {nonzero:,.0f} |"
            )
    return lines


def front(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The complete settings that no other beats in one objective without losing in the other.

    By ascending size; of two with equal values, both.
    """
    complete = [row for row in rows if row["values"] is not None]

    def beaten(row: Mapping[str, Any]) -> bool:
        accuracy, size = row["values"]
        return any(
            a >= accuracy and s <= size and (a > accuracy or s < size)
            for a, s in (other["values"] for other in complete)
        )

    kept = [row for row in complete if not beaten(row)]
    return sorted(kept, key=lambda row: (row["values"][1], row["place"]))


def _best(group: Group) -> Mapping[str, Any] | None:
    return None if group["best"] is None else group["rows"][group["best"]]


def _accuracy(row: Mapping[str, Any] | None) -> float | None:
    return None if row is None or row["values"] is None else float(row["values"][0])
