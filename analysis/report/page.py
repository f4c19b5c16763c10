"""Self-contained HTML: one file, no request to anywhere, tables whose columns sort."""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from importlib import resources
from typing import Any


class Markup(str):
    """Text that is HTML already."""


def escape(text: str) -> str:
    """Text as HTML."""
    return text if isinstance(text, Markup) else html.escape(text)


POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
"""What a browser lets the page do: nothing from anywhere else."""


def page(title: str, body: str, contents: str = "") -> str:
    """A whole document. `body` and `contents` (a list of links, may be empty) are HTML."""
    folder = resources.files("analysis.report")
    style = (folder / "page.css").read_text(encoding="utf-8")
    script = (folder / "page.js").read_text(encoding="utf-8")
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        f'<link rel="icon" href="data:,">\n<title>{escape(title)}</title>\n'
        f"<style>\n{style}</style>\n</head>\n<body>\n<header><h1>{escape(title)}</h1></header>\n"
        f"{contents}<main>\n{body}\n</main>\n<script>\n{script}</script>\n</body>\n</html>\n"
    )


def table(
    headings: Sequence[tuple[str, bool]],
    texts: Sequence[Sequence[str]],
    keys: Sequence[Sequence[Any]] | None = None,
) -> str:
    """A table that scrolls sideways where it is too wide.

    `headings`: text and whether the column is numeric; `texts`: the cells, row by row; `keys`:
    what each is sorted by (number, text or None, which comes last). Without keys it does not sort.
    """
    kinds = ["n" if numeric else "t" for _, numeric in headings]
    sortable = ' class="sortable"' if keys is not None else ""
    head = "".join(
        f'<th scope="col" class="{kind}"'
        + (f' aria-sort="none"><button type="button">{escape(text)}</button></th>' if keys else
           f">{escape(text)}</th>")
        for (text, _), kind in zip(headings, kinds, strict=True)
    )  # fmt: skip
    rows = []
    for number, cells in enumerate(texts):
        made = []
        for place, (text, kind) in enumerate(zip(cells, kinds, strict=True)):
            key = "" if keys is None else f' data-key="{escape(json.dumps(keys[number][place]))}"'
            made.append(f'<td class="{kind}"{key}>{escape(text)}</td>')
        rows.append(f"<tr>{''.join(made)}</tr>")
    body = "\n".join(rows)
    return (
        f'<div class="wide" tabindex="0"><table{sortable}>\n<thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{body}\n</tbody></table></div>"
    )


def bullets(lines: Sequence[str]) -> str:
    """A Markdown list of at most two levels, as `analysis.leaderboard.notes` writes it, as HTML."""
    made: list[str] = []
    inner: list[str] = []

    def close() -> None:
        if inner:
            items = "".join(f"<li>{escape(text)}</li>" for text in inner)
            made[-1] = made[-1].removesuffix("</li>") + f"<ul>{items}</ul></li>"
            inner.clear()

    for line in lines:
        if line.startswith("  - "):
            inner.append(line[4:])
        else:
            close()
            made.append(f"<li>{escape(line.removeprefix('- '))}</li>")
    close()
    return '<ul class="notes">\n' + "\n".join(made) + "\n</ul>"
