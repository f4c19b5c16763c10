"""Known accuracies: what a table of all architectures says of what was found, also by epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.common.files import write_csv
from analysis.common.trials import Record, StudyFacts, identity
from bench.columns import accuracy_name

COLUMNS = (
    "method", "dataset", "seed", "trial", "table", "split", "epochs_of_training",
    "accuracy_percent", "deviation_points", "seeds_of_table", "rank", "cells", "regret_points",
    "percentile", "percentile_without_none",
)  # fmt: skip
EPOCH_COLUMNS = (
    "method", "dataset", "seed", "trial", "epoch", "table",
    "accuracy_percent", "rank", "regret_points", "percentile", "percentile_without_none",
)  # fmt: skip


def write(folder: Path, records: Sequence[Record], study: StudyFacts) -> list[Path]:
    """Write truth.csv, truth_epochs.csv and truth.png, where accuracies were looked up at all."""
    known = [record for record in records if is_tabular(record)]
    if not known:
        return []
    epochs = timeline(known)
    written = [
        write_csv(folder / "truth.csv", table(known)),
        write_csv(folder / "truth_epochs.csv", epochs),
    ]
    if len(epochs):
        from analysis.truth import figure as truth_figure

        written.append(truth_figure.draw(folder / "truth.png", epochs, table(known), known, study))
    return written


def is_tabular(record: Record) -> bool:
    """Whether the record's accuracies were looked up."""
    return bool(record["evaluation"].get("kind") == "tabular")


def table(records: Sequence[Record]) -> pd.DataFrame:
    """One row a (trial, data set of the table); the columns are `COLUMNS`.

    Accuracies and percentiles are percent, deviation (over the table's seeds) and regret (best of
    all cells minus this one) points.
    """
    rows: list[dict[str, Any]] = []
    for record in records:
        evaluation = record["evaluation"]
        for name, truth in evaluation["truth"].items():
            source = evaluation["sources"][name]
            rows.append(
                identity(record)
                | {"table": name, "split": source["split"], "epochs_of_training": source["epochs"]}
                | _values(truth)
                | {
                    "deviation_points": 100 * truth["deviation"],
                    "seeds_of_table": truth["seeds"],
                    "cells": source["cells"],
                }
            )
    return pd.DataFrame(rows, columns=list(COLUMNS))


def timeline(records: Sequence[Record]) -> pd.DataFrame:
    """One row a (trial, epoch, data set): of what would have been selected after that epoch."""
    rows: list[dict[str, Any]] = []
    for record in records:
        for epoch in record["search"]["epochs"]:
            for name, truth in (epoch.get("truth") or {}).items():
                place = {"epoch": int(epoch["epoch"]), "table": name}
                rows.append(identity(record) | place | _values(truth))
    return pd.DataFrame(rows, columns=list(EPOCH_COLUMNS))


def _values(truth: Mapping[str, Any]) -> dict[str, float | int]:
    return {
        "accuracy_percent": 100 * truth["accuracy"],
        "rank": truth["rank"],
        "regret_points": 100 * truth["regret"],
        "percentile": truth["percentile"],
        "percentile_without_none": truth["percentile_without_none"],
    }


def heading(records: Sequence[Record]) -> str:
    """What the leaderboard's accuracies are, in a few words."""
    found = {accuracy_name(record["evaluation"]) for record in records}
    return found.pop() if len(found) == 1 else "test accuracy" if not found else "accuracy"


def notes(records: Sequence[Record]) -> list[str]:
    """What known accuracies are, as items of a Markdown list; none where nothing was looked up."""
    known = [record for record in records if is_tabular(record)]
    if not known:
        return []
    shown = dict.fromkeys(
        record["evaluation"]["sources"][record["evaluation"]["dataset"]]["text"] for record in known
    )
    lines = [
        f"- Nothing was trained for these accuracies, they are known: {'; '.join(shown)}. Sizes are"
        " those of the table's own network. All data sets of the table are in truth.csv, the"
        " selection of every epoch in truth_epochs.csv:",
    ]
    rows = table(known)
    for name in dict.fromkeys(rows["table"]):
        of = rows[rows["table"] == name]
        parts = []
        for label in dict.fromkeys(of["method"]):
            mine = of[of["method"] == label]
            parts.append(
                f"{label} {mine['accuracy_percent'].mean():.2f} % (regret"
                f" {mine['regret_points'].mean():.2f}; better than"
                f" {mine['percentile'].mean():.0f} % of all cells,"
                f" {mine['percentile_without_none'].mean():.0f} % of those without none)"
            )
        lines.append(f"  - {name}, means over seeds: {'; '.join(parts)}.")
    return lines
