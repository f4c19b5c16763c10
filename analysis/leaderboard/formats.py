"""A leaderboard as Markdown, LaTeX and a web page."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.common import pages, text
from analysis.leaderboard.columns import Cells
from analysis.leaderboard.content import DETAILS, NOTHING, Leaderboard


def to_markdown(leaderboard: Leaderboard) -> str:
    """Per data set what is compared and then the details, with the notes below."""
    facts = leaderboard.facts
    lines = text.format_heading(
        f"Leaderboard: {text.escape(facts.name)}", facts.description, facts.gate
    )
    if not leaderboard.tables:
        lines += [NOTHING, ""]
    for dataset, (comparison, details) in leaderboard.tables.items():
        lines += [f"## {text.escape(dataset)}", "", *_markdown_table(comparison), ""]
        lines += [DETAILS, "", *_markdown_table(details), ""]
    return "\n".join([*lines, *text.format_notes(leaderboard.notes), ""])


def _markdown_table(rows: Sequence[Cells]) -> list[str]:
    return text.format_table(list(rows[0]), _list_numeric(rows), _list_texts(rows))


def _list_numeric(rows: Sequence[Cells]) -> list[bool]:
    return [cell.numeric for cell in rows[0].values()]


def _list_texts(rows: Sequence[Cells]) -> list[list[str]]:
    return [[cell.text for cell in row.values()] for row in rows]


def to_latex(leaderboard: Leaderboard) -> str:
    r"""Tables to \input into a document that uses booktabs."""
    name, gate = leaderboard.facts.name, leaderboard.facts.gate
    lines = [f"% Leaderboard: {_on_one_line(name)}. Needs \\usepackage{{booktabs}}."]
    if gate:
        lines.append(f"% {_on_one_line(gate)}")
    for dataset, tables in leaderboard.tables.items():
        for table in tables:
            lines += ["", f"% {_on_one_line(dataset)}", *_latex_table(table)]
    return "\n".join([*lines, ""])


def _latex_table(rows: Sequence[Cells]) -> list[str]:
    def line(cells: Sequence[str]) -> str:
        return f"{' & '.join(map(_escape_latex, cells))} \\\\"

    alignment = "".join("r" if numeric else "l" for numeric in _list_numeric(rows))
    return [
        f"\\begin{{tabular}}{{{alignment}}}",
        "\\toprule",
        line(list(rows[0])),
        "\\midrule",
        *map(line, _list_texts(rows)),
        "\\bottomrule",
        "\\end{tabular}",
    ]


_LATEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#",
    "_": r"\_", "%": r"\%", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "<": r"$<$", ">": r"$>$", "|": r"\textbar{}",
}  # fmt: skip


def _escape_latex(cell: str) -> str:
    return "".join(_LATEX.get(letter, letter) for letter in _on_one_line(cell))


def _on_one_line(words: str) -> str:
    return " ".join(words.split())


def to_html(leaderboard: Leaderboard) -> str:
    """A page of its own: no request to anywhere, columns that sort."""
    return pages.render(
        "leaderboard/page.html.j2",
        title=f"Leaderboard: {leaderboard.facts.name}",
        leaderboard=describe(leaderboard),
    )


def describe(leaderboard: Leaderboard) -> dict[str, object]:
    """What the template leaderboard/body.html.j2 shows."""
    return {
        "facts": leaderboard.facts,
        "nothing": NOTHING,
        "details": DETAILS,
        "tables": {
            dataset: tuple(map(_html_table, tables))
            for dataset, tables in leaderboard.tables.items()
        },
        "notes": leaderboard.notes,
    }


def _html_table(rows: Sequence[Cells]) -> pages.HtmlTable:
    headings = list(zip(rows[0], _list_numeric(rows), strict=True))
    keys = [[cell.key for cell in row.values()] for row in rows]
    return pages.HtmlTable(headings, _list_texts(rows), keys)
