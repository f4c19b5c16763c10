"""What a run ends with on the terminal: a table that fits it, the gates in words, what to do next.

The whole leaderboard is in its file.
"""

from __future__ import annotations

import shlex
import shutil
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from bench.cli.options import StudyArguments, find_program
from bench.durations import format_duration
from bench.records import gate

if TYPE_CHECKING:
    from analysis.common.operations import CollapseThresholds
    from bench.records.facts import StudyFacts
    from bench.records.schema import FinishedRecord

READABLE_NAME = 18  # columns of a method's name, before other columns go
LEAST_NAME = 6
MOST_REASONS = 3  # failed searches whose reason is said

Row = Mapping[Any, Any]
"""A row of `analysis.leaderboard.table.tabulate`."""


class Column(NamedTuple):
    """A column of the table; those with the highest `drop` go first where there is no room."""

    heading: str
    texts: list[str]
    drop: int
    to_the_left: bool = False

    @property
    def width(self) -> int:
        """Characters of the widest cell."""
        return max(map(len, [self.heading, *self.texts]))


def describe(
    records: Sequence[FinishedRecord],
    facts: StudyFacts,
    arguments: StudyArguments,
    thresholds: CollapseThresholds,
    columns: int | None = None,
) -> list[str]:
    """The lines about finished records; `arguments`: what was typed, for commands to go on with.

    columns: of the terminal, by default this one's. Raises ResultsError where the records cannot be
    compared.
    """
    from analysis.common import comparable, failed_searches
    from analysis.common.trials import name_accuracy
    from analysis.leaderboard.table import tabulate

    columns = columns or shutil.get_terminal_size().columns
    ordered = comparable.order(records, facts)
    rows = tabulate(ordered, facts, thresholds)
    lines = []
    for dataset, block in rows.groupby("dataset", sort=False):
        title = f"{dataset}: {name_accuracy(ordered)}, % (95 % interval), {_count_seeds(block)}"
        lines += [*_wrap(title, columns), *_format_table(block.to_dict("records"), facts, columns)]
        lines.append("")
    lines += _wrap(f"Gate 1, the setting: {_describe_setting(facts, arguments)}", columns)
    judged = failed_searches.judge(ordered, facts)
    unknown = [one for one in ordered if one.search.learned is None and one.search.epochs]
    searches = _describe_searches(judged, len(unknown), arguments)
    for number, line in enumerate(searches):
        lines += _wrap(line if number else f"Gate 2, the searches: {line}", columns)
    return lines


def describe_next(arguments: StudyArguments, folder: Path, tracking_uri: str | None) -> list[str]:
    """What to do after a run: commands, one a line."""
    from bench.tracking.store import DATABASE

    lines = [f"  {arguments.type('report')} --open"]
    uri = tracking_uri
    if uri is None and (folder / DATABASE).exists():
        uri = f"sqlite:///{folder / DATABASE}"
    if uri is not None and uri.startswith(("http://", "https://")):
        lines.append(f"  {uri} has the runs")
    elif uri is not None:
        program = shlex.quote(find_program("mlflow"))
        lines.append(f"  {program} ui --app-name bench --backend-store-uri {shlex.quote(uri)}")
    return [f"tables, figures and records: {folder}", "next:", *lines]


def _count_seeds(block: Any) -> str:
    fewest, most = int(block["seeds"].min()), int(block["seeds"].max())
    count = str(most) if fewest == most else f"{fewest} to {most}"
    return f"{count} seed{'' if most == 1 else 's'}"


def _format_table(rows: Sequence[Row], facts: StudyFacts, columns: int) -> Iterator[str]:
    """The rows in at most so many columns, without what there is no room for."""
    shown = _list_columns(rows, facts)
    while True:
        excess = sum(column.width + 2 for column in shown) - 2 - columns
        name = next(column for column in shown if column.heading == "method")
        least = min(name.width, READABLE_NAME)
        last = max(shown, key=lambda column: column.drop)
        if excess <= name.width - least or last.drop == 0:
            break
        shown.remove(last)
    room = max(name.width - max(excess, 0), LEAST_NAME)
    for number in range(-1, len(rows)):
        cells = []
        for column in shown:
            text = column.heading if number < 0 else column.texts[number]
            if column is name:
                text = text if len(text) <= room else f"{text[: room - 2]}.."
            width = room if column is name else column.width
            cells.append(f"{text:{width}}" if column.to_the_left else f"{text:>{width}}")
        yield "  ".join(cells).rstrip()


def _list_columns(rows: Sequence[Row], facts: StudyFacts) -> list[Column]:
    from analysis.leaderboard.columns import name_row

    def list_texts(form: Any) -> list[str]:
        return [form(row) for row in rows]

    names = [name_row(row, facts.baseline) for row in rows]
    return [
        Column("rank", list_texts(_rank), 0),
        Column("(95 %)", list_texts(_rank_interval), 4, to_the_left=True),
        Column("method", names, 0, to_the_left=True),
        Column("accuracy", list_texts(lambda row: f"{row['test_accuracy_percent']:.2f}"), 0),
        Column("(95 %)", list_texts(_accuracy_interval), 1, to_the_left=True),
        Column("parameters", list_texts(lambda row: _number(row["parameters"])), 2),
        Column("time", list_texts(_time), 3),
    ]


def _is_null(value: Any) -> bool:
    import pandas as pd

    return bool(pd.isna(value))


def _rank(row: Row) -> str:
    return "-" if _is_null(row["rank"]) else str(row["rank"])


def _rank_interval(row: Row) -> str:
    from analysis.common.intervals import FEWEST_SEEDS

    few = _is_null(row["rank_low"]) or row["seeds"] < FEWEST_SEEDS
    return "" if few else f"({row['rank_low']} to {row['rank_high']})"


def _accuracy_interval(row: Row) -> str:
    low, high = row["test_accuracy_low_percent"], row["test_accuracy_high_percent"]
    return "(too few seeds)" if _is_null(low) else f"({low:.2f} to {high:.2f})"


def _number(value: Any) -> str:
    return "" if _is_null(value) else f"{value:,.0f}"


def _time(row: Row) -> str:
    """Of one trial: search, evaluation and tuning."""
    parts = [row[f"{name}_seconds"] for name in ("search", "evaluation", "tuning")]
    seconds = sum(part for part in parts if not _is_null(part))
    return "< 1 s" if seconds < 1 else format_duration(seconds)


def _describe_setting(facts: StudyFacts, arguments: StudyArguments) -> str:
    """The first gate's verdict in plain words, with the command that settles it."""
    failed = [dataset for dataset, passed in facts.gate_passed.items() if not passed]
    question = "not known whether it tells good cells from bad ones."
    if facts.gate_passed and not failed:
        return "passed. Trained in it, good cells come out ahead of bad ones."
    if failed:
        return (
            f"FAILED on {', '.join(failed)}. Trained in it, good cells do not come out ahead of bad"
            " ones by more than the noise, so differences between methods may say nothing about"
            " them."
        )
    if facts.gate is not None and len(arguments.references) > 1:
        return facts.gate
    if facts.gate is None:
        return f"not known of records without their study's file. {_settle(arguments, 'gate')}"
    if facts.gate.startswith(gate.NONE):
        return (
            f"{question} There are no reference cells to try it with; a study can name some under"
            " gate.cells."
        )
    return f"{question} {_settle(arguments, 'gate')}"


def _describe_searches(
    judged: Mapping[tuple[str, ...], Sequence[str]], unknown: int, arguments: StudyArguments
) -> Iterator[str]:
    """The second gate's verdict in plain words, with the command that settles it."""
    failed = {trial: problems for trial, problems in judged.items() if problems}
    if failed:
        yield (
            f"{len(failed)} of {len(judged)} failed to train; where most of a method's did, it has"
            " no rank."
        )
    elif judged:
        every = "the one that trains" if len(judged) == 1 else f"all {len(judged)} that train"
        yield f"passed. A super-network learned in {every} one."
    elif not unknown:
        yield "nothing to ask. None trains a super-network."
    for number, ((label, *place), problems) in enumerate(failed.items()):
        if number == MOST_REASONS:
            yield f"  and {len(failed) - MOST_REASONS} more: search_failed in collapse.csv"
            break
        yield f"  {label} ({', '.join(place)}): {problems[0]}"
    if unknown:
        settling = _settle(arguments, "run", " --stale")
        yield f"not known of {unknown} whose records are older than this question. {settling}"


def _settle(arguments: StudyArguments, verb: str, option: str = "") -> str:
    """The commands that answer a question, each in a line of its own."""
    lines = [f"  {command}{option}" for command in arguments.type_each(verb)]
    return "\n".join(["To find out:", *lines])


def _wrap(text: str, columns: int) -> list[str]:
    """The text in so many columns; what follows its first line, a command, stays as it is."""
    text, *rest = text.split("\n")
    indent = " " * (len(text) - len(text.lstrip()))
    lines = textwrap.wrap(
        text,
        columns,
        subsequent_indent=f"{indent}  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    return lines + rest
