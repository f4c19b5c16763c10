"""Web pages from templates: one file each, no request to anywhere, tables whose columns sort.

Templates are the files *.html.j2 of the topics; what they show is escaped by Jinja. A page extends
common/page.html.j2, which holds the style sheet and the script and forbids every request.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jinja2


@dataclass(frozen=True)
class HtmlTable:
    """A table for the macro `table` of common/macros.html.j2.

    headings: text and whether the column is numeric. texts: the cells, row by row; what is
    `markupsafe.Markup` is HTML already. keys: what each cell is sorted by (number, text, or None,
    which comes last); without keys the columns do not sort. main: headings of the
    columns that are shown at first, the others on demand; empty: all.
    """

    headings: Sequence[tuple[str, bool]]
    texts: Sequence[Sequence[str]]
    keys: Sequence[Sequence[Any]] | None = None
    main: Collection[str] = ()


def render(template: str, **values: Any) -> str:
    """A page from a template, named by its path within analysis."""
    return _environment().get_template(template).render(values)


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parents[1]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
