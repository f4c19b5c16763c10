"""The runs above the trials, without MLflow: one per method, and one with the study's results.

A method's run has what the leaderboard says of it, read from leaderboard.csv in the folder of
results, so that there is one computation of means and intervals.
"""

from __future__ import annotations

import csv
import hashlib
import json
import math
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from bench.errors import ResultsError
from bench.records.schema import FinishedRecord, RunRecord, mark_tuned
from bench.tracking.export import RunContent, Value, identify, name_run, to_milliseconds

RESULTS = "results"
"""Name of the run, and its tag `stage`, whose artifacts are the leaderboard, report and figures."""
_TABLE = "leaderboard.csv"
_ARTIFACTS = ("leaderboard.*", "report.html", "claims.*", "*.png", "*.svg")
_NEEDED = (
    *("method", "dataset", "evaluation", "seeds", "test_accuracy_percent"),
    *("test_accuracy_low_percent", "test_accuracy_high_percent"),
)
_PERCENT = "_percent"
_FRACTIONS = {"test_accuracy": "accuracy"}

Row = Mapping[str, str]
"""A row of leaderboard.csv: column -> text, empty where there is no number."""


def identify_method(record: RunRecord) -> str:
    """What the trials of a method on a data set share: 16 hexadecimal digits, a tag's value."""
    key = (record.trial.label, record.trial.dataset, _name_evaluation(record))
    return hashlib.sha256(json.dumps(key).encode()).hexdigest()[:16]


def open_method(record: RunRecord) -> RunContent:
    """The run of a trial's method, before there are results of it."""
    told = {name: value for name, value in identify(record).items() if name != "seed"}
    return RunContent(
        name=name_run(record, seed=False),
        start=to_milliseconds(record.provenance.started),
        end=None,
        tags={
            **told,
            "stage": "method",
            "group": identify_method(record),
            "evaluation": _name_evaluation(record),
        },
        parameters=told,
    )


def summarise_methods(
    records: Iterable[RunRecord], folder: Path
) -> Iterator[tuple[RunRecord, RunContent]]:
    """A record of each method, and what its run says, from all records of the study.

    Accuracies are fractions. What is empty in the leaderboard is left out. Raises ResultsError
    where leaderboard.csv cannot be read.
    """
    rows = {(row["method"], row["dataset"], row["evaluation"]): row for row in _read(folder)}
    now = round(time.time() * 1000)  # of values of one name the latest counts
    groups: dict[str, list[RunRecord]] = {}
    for record in records:
        groups.setdefault(identify_method(record), []).append(record)
    for own in groups.values():
        first = min(own, key=lambda record: to_milliseconds(record.provenance.started))
        end = max(to_milliseconds(record.provenance.finished) for record in own)
        row = rows.get((first.trial.label, first.trial.dataset, _name_evaluation(first)), {})
        finished = sum(isinstance(record, FinishedRecord) for record in own)
        numbers = {**_list_numbers(row), "failed_trials": float(len(own) - finished)}
        content = open_method(first)
        yield (
            first,
            RunContent(
                name=content.name,
                start=content.start,
                end=end,
                tags=content.tags,
                parameters=content.parameters,
                values=tuple(Value(name, value, now) for name, value in numbers.items()),
                failed=not finished,
            ),
        )


def digest_values(content: RunContent) -> str:
    """16 hexadecimal digits that are others where a run's values are, whenever they were."""
    values = {value.name: value.value for value in content.values}
    return _digest(json.dumps(values, sort_keys=True))


def find_artifacts(folder: Path) -> dict[str, Path]:
    """The leaderboard, the report, the claims and the figures in a folder of results, by name."""
    paths = {path.name: path for pattern in _ARTIFACTS for path in folder.glob(pattern)}
    return {name: paths[name] for name in sorted(paths) if paths[name].is_file()}


def digest_artifacts(folder: Path) -> str:
    """16 hexadecimal digits that are others where one of `find_artifacts` is. Raises OSError."""
    contents = {
        name: hashlib.sha256(path.read_bytes()).hexdigest()
        for name, path in find_artifacts(folder).items()
    }
    return _digest(json.dumps(contents))


def describe_results(records: Sequence[RunRecord], folder: Path) -> RunContent:
    """The run that has a study's leaderboard, report and figures as artifacts; errors as above."""
    moments = [to_milliseconds(record.provenance.finished) for record in records]
    starts = [to_milliseconds(record.provenance.started) for record in records]
    return RunContent(
        name=RESULTS,
        start=min(starts),
        end=max(moments),
        tags={
            "stage": RESULTS,
            "mlflow.note.content": _format_table(_read(folder)),
        },
    )


def _name_evaluation(record: RunRecord) -> str:
    return "tuned" if record.is_tuned else "default"


def _read(folder: Path) -> Sequence[Row]:
    path = folder / _TABLE
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    except FileNotFoundError:
        return []
    except (OSError, ValueError, csv.Error) as error:
        raise ResultsError(f"{path} cannot be read: {error}") from error
    if rows and not set(_NEEDED) <= set(rows[0]):
        raise ResultsError(f"{path} lacks columns: `bench analyze` writes it again")
    return rows


def _list_numbers(row: Row) -> dict[str, float]:
    """The numbers of a row by the names of metrics; percent become fractions, as in trials."""
    numbers: dict[str, float] = {}
    for column, text in row.items():
        try:
            value = float(text)
        except ValueError:  # empty, or a word
            continue
        if not math.isfinite(value):
            continue
        name = column.removesuffix(_PERCENT)
        for old, new in _FRACTIONS.items():
            name = name.replace(old, new)
        numbers[name] = value / 100 if column.endswith(_PERCENT) else value
    return numbers


def _format_table(rows: Iterable[Row]) -> str:
    """Mean and interval of every method as a Markdown table."""
    lines = ["| method | data set | accuracy, % | 95 % interval | seeds |", "|---|---|---|---|---|"]
    for row in rows:
        ends = [row[f"test_accuracy_{end}_percent"] for end in ("low", "high")]
        cells = (
            mark_tuned(row["method"], row["evaluation"] == "tuned"),
            row["dataset"],
            f"{float(row['test_accuracy_percent']):.2f}",
            f"{float(ends[0]):.2f} to {float(ends[1]):.2f}" if all(ends) else "too few seeds",
            row["seeds"],
        )
        lines.append(f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |")
    return "\n".join(lines)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
