"""The leaderboard: which method found the best networks, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from analysis import notes
from analysis.files import write_csv, write_text
from analysis.statistics import Summary, summarise
from analysis.trials import Record, StudyFacts, datasets_of, labels_of

COLUMNS = (
    "rank",
    "method",
    "dataset",
    "test_accuracy_percent",
    "test_accuracy_low_percent",
    "test_accuracy_high_percent",
    "seeds",
    "parameters",
    "nonzero_parameters",
    "search_seconds",
    "evaluation_seconds",
    "hardware",
)


def write(folder: Path, records: Sequence[Record], study: StudyFacts) -> list[Path]:
    """Write leaderboard.md and leaderboard.csv."""
    rows = table(records, study)
    return [
        write_text(folder / "leaderboard.md", markdown(rows, records, study)),
        write_csv(folder / "leaderboard.csv", rows),
    ]


def table(records: Sequence[Record], study: StudyFacts) -> pd.DataFrame:
    """One row a (data set, method), by mean test accuracy; the columns are `COLUMNS`.

    Accuracies are percent, times seconds; sizes and times are means over seeds. Equal means share
    a rank. The interval's columns are empty where there are too few seeds.
    """
    rows: list[dict[str, Any]] = []
    for dataset in datasets_of(records, study):
        block = [
            _row(label, dataset, chosen)
            for label in labels_of(records, study)
            if (chosen := _of(records, label, dataset))
        ]
        means = [row["test_accuracy_percent"] for row in block]
        for row in block:
            row["rank"] = 1 + sum(mean > row["test_accuracy_percent"] for mean in means)
        rows += sorted(block, key=lambda row: row["rank"])
    return pd.DataFrame(rows, columns=list(COLUMNS))


def summaries(records: Sequence[Record], study: StudyFacts, dataset: str) -> dict[str, Summary]:
    """Test accuracy (percent) over seeds by label, for one data set."""
    return {
        label: _accuracy(chosen)
        for label in labels_of(records, study)
        if (chosen := _of(records, label, dataset))
    }


def markdown(rows: pd.DataFrame, records: Sequence[Record], study: StudyFacts) -> str:
    """The table with its notes, as Markdown."""
    lines = [f"# Leaderboard: {_cell(study.name)}", ""]
    if study.description:
        lines += [_cell(study.description), ""]
    if study.gate:
        lines += [_cell(study.gate), ""]
    if not len(rows):
        lines += ["No finished trial yet.", ""]
        return "\n".join([*lines, *notes.of_trials(study), ""])
    lines += [
        "| rank | method | data set | test accuracy, % (95 % interval) | seeds | parameters "
        "| non-zero parameters | search, s | evaluation, s |",
        "|---:|---|---|---|---:|---:|---:|---:|---:|",
    ]
    lines += [_line(row, study.baseline) for row in rows.to_dict("records")]
    apart = {dataset: summaries(records, study, dataset) for dataset in datasets_of(records, study)}
    lines += ["", *notes.of_accuracy(apart), *notes.of_cost(records), *notes.of_trials(study)]
    return "\n".join([*lines, *notes.of_origin(records), ""])


def _of(records: Sequence[Record], label: str, dataset: str) -> list[Record]:
    return [
        record
        for record in records
        if record["trial"]["label"] == label and record["trial"]["dataset"] == dataset
    ]


def _accuracy(records: Sequence[Record]) -> Summary:
    return summarise([100 * record["evaluation"]["test"]["accuracy"] for record in records])


def _row(label: str, dataset: str, records: Sequence[Record]) -> dict[str, Any]:
    accuracy = _accuracy(records)
    hardware = sorted({str(record["environment"]["hardware"]) for record in records})
    return {
        "method": label,
        "dataset": dataset,
        "test_accuracy_percent": accuracy.mean,
        "test_accuracy_low_percent": accuracy.low,
        "test_accuracy_high_percent": accuracy.high,
        "seeds": accuracy.seeds,
        "parameters": _mean(records, "evaluation", "parameters"),
        "nonzero_parameters": _mean(records, "evaluation", "nonzero_parameters"),
        "search_seconds": sum(map(_search_seconds, records)) / len(records),
        "evaluation_seconds": _mean(records, "evaluation", "seconds"),
        "hardware": "; ".join(hardware),
    }


def _search_seconds(record: Record) -> float:
    """The search's training and the choice of its result, which may train or evaluate, too."""
    search = record["search"]
    return float(search["seconds"]) + float(search.get("selection_seconds", 0.0))


def _mean(records: Sequence[Record], part: str, key: str) -> float:
    return sum(float(record[part][key]) for record in records) / len(records)


def _line(row: dict[Any, Any], baseline: str | None) -> str:
    if pd.isna(row["test_accuracy_low_percent"]):
        spread = f"({row['seeds']} seed{'s' * (row['seeds'] > 1)}: too few for an interval)"
    else:
        low, high = row["test_accuracy_low_percent"], row["test_accuracy_high_percent"]
        spread = f"({low:.2f} to {high:.2f})"
    method = _cell(row["method"]) + (" (baseline)" if row["method"] == baseline else "")
    cells = (
        str(row["rank"]),
        method,
        _cell(row["dataset"]),
        f"{row['test_accuracy_percent']:.2f} {spread}",
        str(row["seeds"]),
        f"{row['parameters']:,.0f}",
        f"{row['nonzero_parameters']:,.0f}",
        f"{row['search_seconds']:,.1f}",
        f"{row['evaluation_seconds']:,.1f}",
    )
    return f"| {' | '.join(cells)} |"


def _cell(text: str) -> str:
    return " ".join(str(text).split()).replace("|", "\\|")
