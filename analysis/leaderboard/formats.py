"""A leaderboard as Markdown and as a web page."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.common import pages, text
from analysis.leaderboard.columns import Cells
from analysis.leaderboard.content import DETAILS, NOTHING, Leaderboard

MAIN = ("rank", "method", "verdict", "non-zero", "search time")
"""How the headings of columns begin that a web page shows at first, besides the accuracy."""
IS_ACCURACY = "accuracy"


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
            dataset: (_html_table(tables[0], MAIN), _html_table(tables[1]))
            for dataset, tables in leaderboard.tables.items()
        },
        "notes": leaderboard.notes,
    }


def _html_table(rows: Sequence[Cells], main: Sequence[str] = ()) -> pages.HtmlTable:
    headings = list(zip(rows[0], _list_numeric(rows), strict=True))
    keys = [[cell.key for cell in row.values()] for row in rows]
    is_main = [name for name in rows[0] if name.startswith(tuple(main)) or IS_ACCURACY in name]
    shown = is_main if main else []
    return pages.HtmlTable(headings, _list_texts(rows), keys, shown)
