"""The leaderboard as files: Markdown, CSV, LaTeX and a web page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from analysis.common import operations
from analysis.common.files import write_csv
from analysis.common.trials import Record, StudyFacts, datasets_of
from analysis.leaderboard import notes
from analysis.leaderboard import table as leaderboard
from analysis.leaderboard.columns import Table, tables
from analysis.report import page
from analysis.truth import tables as truth
from bench import files

FILES = ("leaderboard.md", "leaderboard.csv", "leaderboard.tex", "leaderboard.html")


def write(folder: Path, records: Sequence[Record], study: StudyFacts) -> list[Path]:
    """Write leaderboard.md, .csv, .tex and .html."""
    rows = leaderboard.table(records, study)
    made = [text(rows, records, study) for text in (markdown, latex, html)]
    return [
        files.write(folder / "leaderboard.md", made[0]),
        write_csv(folder / "leaderboard.csv", rows),
        files.write(folder / "leaderboard.tex", made[1]),
        files.write(folder / "leaderboard.html", made[2]),
    ]


def markdown(rows: pd.DataFrame, records: Sequence[Record], study: StudyFacts) -> str:
    """Per data set what is compared and then the details, with the notes below."""
    lines = [f"# Leaderboard: {_cell(study.name)}", ""]
    if study.description:
        lines += [_cell(study.description), ""]
    if study.gate:
        lines += [_cell(study.gate), ""]
    if not len(rows):
        return "\n".join([*lines, "No finished trial yet.", "", *notes.of_trials(study), ""])
    for dataset in dict.fromkeys(rows["dataset"]):
        compared, details = tables(rows, study.baseline, dataset, truth.heading(records))
        lines += [f"## {_cell(dataset)}", "", *_markdown(compared), ""]
        lines += ["Calibration, size, cost and collapse of the same:", "", *_markdown(details), ""]
    return "\n".join([*lines, *explanations(records, study), ""])


def explanations(records: Sequence[Record], study: StudyFacts) -> list[str]:
    """The notes below a leaderboard, as a Markdown list."""
    groups = {
        dataset: {
            leaderboard.name(entry): values
            for entry, values in leaderboard.by_seed(records, study, dataset).items()
        }
        for dataset in datasets_of(records, study)
    }
    return [
        *truth.notes(records),
        *notes.of_accuracy(groups, study.baseline, truth.heading(records)),
        *notes.of_quality(records, operations.thresholds_of(study)),
        *notes.of_cost(records),
        *notes.of_trials(study),
        *notes.of_origin(records),
    ]


def latex(rows: pd.DataFrame, records: Sequence[Record], study: StudyFacts) -> str:
    r"""Tables to \input into a document that uses booktabs."""
    lines = [f"% Leaderboard: {study.name}. Needs \\usepackage{{booktabs}}.".replace("\n", " ")]
    if study.gate:
        lines.append(f"% {' '.join(study.gate.split())}")
    for dataset in dict.fromkeys(rows["dataset"]):
        for table in tables(rows, study.baseline, dataset, truth.heading(records)):
            lines += ["", f"% {' '.join(str(dataset).split())}", *_latex(table)]
    return "\n".join([*lines, ""])


def html(rows: pd.DataFrame, records: Sequence[Record], study: StudyFacts) -> str:
    """A page of its own: no request to anywhere, columns that sort."""
    return page.page(f"Leaderboard: {study.name}", body(rows, records, study))


def body(rows: pd.DataFrame, records: Sequence[Record], study: StudyFacts) -> str:
    """The leaderboard as a part of a page."""
    said = [text for text in (study.description, study.gate) if text]
    parts = [f"<p>{page.escape(text)}</p>" for text in said]
    if not len(rows):
        return "\n".join([*parts, "<p>No finished trial yet.</p>"])
    for dataset in dict.fromkeys(rows["dataset"]):
        compared, details = tables(rows, study.baseline, dataset, truth.heading(records))
        parts += [
            f"<h3>{page.escape(dataset)}</h3>",
            _html(compared),
            "<p>Calibration, size, cost and collapse of the same:</p>",
            _html(details),
        ]
    return "\n".join([*parts, page.bullets(explanations(records, study))])


def _markdown(table: Table) -> list[str]:
    return [
        f"| {' | '.join(column.heading for column in table.columns)} |",
        f"|{'|'.join('---:' if column.numeric else '---' for column in table.columns)}|",
        *(f"| {' | '.join(map(_cell, texts))} |" for texts in table.texts()),
    ]


def _html(table: Table) -> str:
    headings = [(column.heading, column.numeric) for column in table.columns]
    keys = [[column.key(row) for column in table.columns] for row in table.rows]
    return page.table(headings, table.texts(), keys)


def _latex(table: Table) -> list[str]:
    ends = " \\\\"
    return [
        f"\\begin{{tabular}}{{{''.join('r' if c.numeric else 'l' for c in table.columns)}}}",
        "\\toprule",
        " & ".join(_escaped(column.heading) for column in table.columns) + ends,
        "\\midrule",
        *(" & ".join(map(_escaped, texts)) + ends for texts in table.texts()),
        "\\bottomrule",
        "\\end{tabular}",
    ]


_LATEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#",
    "_": r"\_", "%": r"\%", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "<": r"$<$", ">": r"$>$", "|": r"\textbar{}",
}  # fmt: skip


def _escaped(text: str) -> str:
    return "".join(_LATEX.get(letter, letter) for letter in " ".join(text.split()))


def _cell(text: str) -> str:
    return " ".join(str(text).split()).replace("|", "\\|")
