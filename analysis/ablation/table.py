"""What each variation of a study changes: differences from its base, paired by seed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.ablation import figure as ablation_figure
from analysis.common.files import write_csv
from analysis.common.statistics import FEWEST_SEEDS, holm, paired, summarise
from analysis.common.trials import (
    Record,
    StudyFacts,
    accuracies,
    datasets_of,
    evaluation_seconds,
    facts,
    search_seconds,
)
from bench import files
from bench.errors import ConfigurationError

COLUMNS = (
    "dataset",
    "variation",
    "changes",
    "seeds",
    "test_accuracy_percent",
    "difference_points",
    "difference_low_points",
    "difference_high_points",
    "effect_size",
    "better_share",
    "p_value",
    "p_value_holm",
    "nonzero_ratio",
    "search_seconds_ratio",
    "evaluation_seconds_ratio",
)

FEW = 6
"""Below so many seeds the notes say how little they can tell."""

BySeed = dict[int, Record]


def write(folder: Path, records: Sequence[Record], study: Mapping[str, Any]) -> list[Path]:
    """Write ablation.md, ablation.csv and ablation.png.

    `study` is the summary of one with variations (`bench.study.model.Study.summary`); `records` are
    in order (`analysis.common.comparable.ordered`). Raises ConfigurationError where there are no
    variations.
    """
    if not study.get("variations"):
        raise ConfigurationError(
            f"study {study['name']} has no ablations: name variations under `ablations`"
        )
    rows = table(records, study)
    return [
        files.write(folder / "ablation.md", markdown(rows, study)),
        write_csv(folder / "ablation.csv", rows),
        ablation_figure.write(folder, rows, gaps(records, study), study),
    ]


def table(records: Sequence[Record], study: Mapping[str, Any]) -> pd.DataFrame:
    """One row a (data set, variation), the base first; the columns are `COLUMNS`.

    Differences are the variation's test accuracy minus the base's at the same seed, in points,
    with the 95 % interval and p-value of the paired t test (Holm: over a data set's variations),
    Hedges' g and the share of seeds at which it is better. Ratios to the base are geometric means
    over the same seeds. What too few seeds do not allow to say is empty.
    """
    rows: list[dict[str, Any]] = []
    for dataset in datasets_of(records, facts(study)):
        base = _by_seed(records, study["base"], dataset)
        block = [_base_row(dataset, base, study)]
        for label, changes in study["variations"].items():
            varied = _by_seed(records, label, dataset)
            block.append(_row(dataset, label, changes, varied, base))
        for row, p in zip(block, holm([row.get("p_value") for row in block]), strict=True):
            row["p_value_holm"] = p
        rows += block
    return pd.DataFrame(rows, columns=list(COLUMNS))


def gaps(records: Sequence[Record], study: Mapping[str, Any]) -> dict[tuple[str, str], list[float]]:
    """(data set, variation) -> differences from the base in points, one a seed that both have."""
    found = {}
    for dataset in datasets_of(records, facts(study)):
        base = _by_seed(records, study["base"], dataset)
        for label in study["variations"]:
            varied = _by_seed(records, label, dataset)
            found[dataset, label] = [
                _mean(varied[seed]) - _mean(base[seed]) for seed in sorted(varied.keys() & base)
            ]
    return found


def _by_seed(records: Sequence[Record], label: str, dataset: str) -> BySeed:
    return {
        record["trial"]["seed"]: record
        for record in records
        if record["trial"]["label"] == label
        and record["trial"]["dataset"] == dataset
        and not record.get("tuning")
    }


def _mean(record: Record) -> float:
    values = accuracies(record)
    return sum(values) / len(values)


def _base_row(dataset: str, base: BySeed, study: Mapping[str, Any]) -> dict[str, Any]:
    row = {"dataset": dataset, "variation": study["base"], "changes": "", "seeds": len(base)}
    if base:
        row["test_accuracy_percent"] = summarise([accuracies(r) for r in base.values()]).mean
    return row


def _row(
    dataset: str, label: str, changes: Mapping[str, Any], varied: BySeed, base: BySeed
) -> dict[str, Any]:
    found = paired(
        {seed: accuracies(record) for seed, record in varied.items()},
        {seed: accuracies(record) for seed, record in base.items()},
    )
    pairs = [(varied[seed], base[seed]) for seed in sorted(varied.keys() & base)]
    mean = summarise([accuracies(r) for r in varied.values()]).mean if varied else None
    return {
        "dataset": dataset,
        "variation": label,
        "changes": ", ".join(f"{key} {_shown(value)}" for key, value in changes.items()),
        "seeds": found.seeds,
        "test_accuracy_percent": mean,
        "difference_points": found.mean,
        "difference_low_points": found.low,
        "difference_high_points": found.high,
        "effect_size": found.effect_size,
        "better_share": found.better,
        "p_value": found.p_value,
        "nonzero_ratio": _ratio(pairs, lambda r: r["evaluation"]["nonzero_parameters"]),
        "search_seconds_ratio": _ratio(pairs, search_seconds),
        "evaluation_seconds_ratio": _ratio(pairs, evaluation_seconds),
    }


def _ratio(pairs: Sequence[tuple[Record, Record]], of: Any) -> float | None:
    """The geometric mean of variation / base; None where one of them is 0."""
    values = [(float(of(one)), float(of(other))) for one, other in pairs]
    if not values or any(one <= 0 or other <= 0 for one, other in values):
        return None
    return math.exp(sum(math.log(one / other) for one, other in values) / len(values))


def markdown(rows: pd.DataFrame, study: Mapping[str, Any]) -> str:
    """The table with what it says and how far to trust it."""
    known: StudyFacts = facts(study)
    lines = [f"# Ablations of {_cell(study['base'])}: {_cell(known.name)}", ""]
    if known.description:
        lines += [_cell(known.description), ""]
    if known.gate:
        lines += [_cell(known.gate), ""]
    lines += [
        "| data set | variation | changes | test accuracy, % | difference, points (95 % interval) "
        "| Hedges' g | better in | p (Holm) | non-zero | search time | evaluation time | seeds |",
        "|---|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    lines += [_line(row, study["base"]) for row in rows.to_dict("records")]
    return "\n".join([*lines, "", *_notes(rows, study), ""])


def _notes(rows: pd.DataFrame, study: Mapping[str, Any]) -> list[str]:
    told = rows[rows["p_value_holm"] < 0.05]
    tests = int(rows["p_value_holm"].notna().sum())
    named = [
        f"{row['variation']} on {row['dataset']} ({row['difference_points']:+.2f})"
        for row in told.to_dict("records")
    ]
    lines = [
        "- Differences are paired by seed: variation and base share splits, batch order and"
        " evaluation seeds. Interval and p-value are those of the paired t test, p with Holm's"
        f" correction over a data set's variations; none below {FEWEST_SEEDS} seeds. Hedges' g is"
        " the mean difference over its standard deviation, corrected for few seeds. `better in`:"
        " share of the seeds at which the variation has the higher accuracy.",
        "- Non-zero parameters and times: ratios to the base (geometric means). A search that a"
        " variation shares with the base was done once; its time counts in both.",
        f"- Told apart from the base, of {tests} tested: {', '.join(named) or 'none'}."
        " What is not told apart may differ by as much as its interval says.",
    ]
    counts = rows.loc[(rows["variation"] != study["base"]) & (rows["seeds"] > 0), "seeds"]
    if len(counts) and counts.min() < FEW:
        lines.append(
            f"- With {int(counts.min())} seeds only large and steady differences can be told apart."
        )
    missing = sorted(set(rows.loc[rows["seeds"] == 0, "variation"]))
    if missing:
        lines.append(f"- Not run yet, or failed: {', '.join(missing)}.")
    return lines


def _line(row: dict[Any, Any], base: str) -> str:
    def number(key: str, form: str) -> str:
        return "" if pd.isna(row[key]) else format(row[key], form)

    difference = number("difference_points", "+.2f")
    if not pd.isna(row["difference_low_points"]):
        low, high = row["difference_low_points"], row["difference_high_points"]
        difference += f" ({low:+.2f} to {high:+.2f})"
    is_base = row["variation"] == base
    cells = [
        _cell(row["dataset"]),
        _cell(row["variation"]) + (" (base)" if is_base else ""),
        _cell(row["changes"]),
        number("test_accuracy_percent", ".2f"),
        difference,
        number("effect_size", "+.2f"),
        number("better_share", ".0%"),
        number("p_value_holm", ".3f"),
        *(
            number(key, ".2f") + ("" if pd.isna(row[key]) else "×")
            for key in ("nonzero_ratio", "search_seconds_ratio", "evaluation_seconds_ratio")
        ),
        str(row["seeds"]),
    ]
    return f"| {' | '.join(cells)} |"


def _shown(value: Any) -> str:
    """A value as a study file has it."""
    return (
        str(value).lower() if isinstance(value, bool) else "null" if value is None else str(value)
    )


def _cell(text: Any) -> str:
    return " ".join(str(text).split()).replace("|", "\\|")
