r"""A leaderboard as a LaTeX table for a paper, never wider than \textwidth."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping, Sequence

from analysis.leaderboard.columns import Cell, Cells
from analysis.leaderboard.content import Leaderboard
from bench.errors import ConfigurationError, suggest

COLUMNS = {
    "rank": "rank", "method": "method", "accuracy": "", "iqm": "interquartile", "seeds": "seeds",
    "shift": "shift", "better": "P(better", "p": "p of", "verdict": "verdict",
    "chance": "P(random", "parameters": "parameters", "nonzero": "non-zero",
    "search": "search time", "evaluation": "evaluation time", "difference": "difference",
    "nll": "NLL", "ece": "ECE", "flops": "FLOPs", "search-memory": "peak memory of the search",
    "evaluation-memory": "peak memory of the evaluation", "failed": "searches that failed",
    "collapsed": "collapsed",
}  # fmt: skip
"""Name of a column -> how its heading begins; the accuracy's is named after what was measured."""
DEFAULT = ("method", "accuracy", "shift", "verdict", "nonzero", "search")
BEST = {"accuracy": 1, "iqm": 1, "shift": 1, "better": 1, "nll": -1, "ece": -1}
"""Columns whose best value is bold: the largest (1) or the smallest (-1)."""
_LETTERS = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#",
    "_": r"\_", "%": r"\%", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "<": r"$<$", ">": r"$>$", "|": r"\textbar{}", '"': "''", "`": "'",
}  # fmt: skip


def check_columns(names: Sequence[str]) -> tuple[str, ...]:
    """The columns named, or the default ones. Raises ConfigurationError, naming a wrong one."""
    for name in names:
        if name not in COLUMNS:
            raise ConfigurationError(f"--columns {name}: {suggest(name, list(COLUMNS))}")
    return tuple(dict.fromkeys(names)) or DEFAULT


def to_latex(leaderboard: Leaderboard, columns: Sequence[str] = ()) -> str:
    r"""A table per data set to \input; columns: of `COLUMNS`, those that exist are shown.

    Raises ConfigurationError where there is no such column.
    """
    chosen = check_columns(columns)
    name, gate = leaderboard.facts.name, leaderboard.facts.gate
    lines = [f"% Leaderboard: {_on_one_line(name)}. Needs the packages booktabs and graphicx."]
    if gate:
        lines.append(f"% {_on_one_line(gate)}")
    for number, (dataset, (comparison, details)) in enumerate(leaderboard.tables.items(), 1):
        whole = [{**one, **other} for one, other in zip(comparison, details, strict=True)]
        headings = _choose(whole[0], chosen)
        label = re.sub(r"[^A-Za-z0-9]+", "-", f"{name}-{number}").strip("-")
        caption = f"{name} on {dataset}: means over seeds, 95 % intervals in brackets."
        if any(heading in BEST for heading in headings):
            caption += " The best is bold."
        lines += ["", *_wrap_table(_make_tabular(whole, headings), caption, label)]
    return "\n".join([*lines, ""])


def _choose(row: Cells, columns: Sequence[str]) -> dict[str, str]:
    """Column -> heading, of the columns that the row has."""
    accuracy = list(row)[2]
    found = {}
    for column in columns:
        start = COLUMNS[column]
        matching = [heading for heading in row if heading.startswith(start)]
        if column == "accuracy" or matching:
            found[column] = accuracy if column == "accuracy" else matching[0]
    return found


def _wrap_table(tabular: Sequence[str], caption: str, label: str) -> list[str]:
    return [
        r"\begin{table}[tbp]",
        r"\centering",
        r"\setlength{\belowcaptionskip}{6pt}",
        rf"\caption{{{escape(caption)}}}",
        rf"\label{{tab:{label}}}",
        r"\small",
        r"\resizebox{\ifdim\width>\textwidth\textwidth\else\width\fi}{!}{%",
        *tabular,
        "}",
        r"\end{table}",
    ]


def _make_tabular(rows: Sequence[Cells], headings: Mapping[str, str]) -> list[str]:
    alignment = "".join("r" if rows[0][name].numeric else "l" for name in headings.values())
    best = {column: _find_best(rows, column, name) for column, name in headings.items()}

    def line(row: Cells) -> str:
        texts = []
        for column, name in headings.items():
            text = escape(row[name].text)
            is_best = row[name].key is not None and row[name].key == best[column]
            texts.append(rf"\textbf{{{text}}}" if is_best else text)
        return " & ".join(texts) + r" \\"

    tops = [_stack(name, rows[0][name]) for name in headings.values()]
    return [
        rf"\begin{{tabular}}{{@{{}}{alignment}@{{}}}}",
        r"\toprule",
        " & ".join(tops) + r" \\",
        r"\midrule",
        *map(line, rows),
        r"\bottomrule",
        r"\end{tabular}%",
    ]


def _find_best(rows: Sequence[Cells], column: str, heading: str) -> float | None:
    """The best value of the methods that have a rank; None where none is better than others."""
    if column not in BEST:
        return None
    ranked = [row for row in rows if next(iter(row.values())).key is not None]
    values = [row[heading].key for row in ranked if row[heading].key is not None]
    return max(values, key=lambda value: BEST[column] * value, default=None)


def _stack(heading: str, cell: Cell) -> str:
    """A heading on several lines, so that it makes no column wide."""
    whole = heading.replace(" %", "\N{NO-BREAK SPACE}%").replace("% i", "%\N{NO-BREAK SPACE}i")
    parts = textwrap.wrap(whole, 18, break_long_words=False, break_on_hyphens=False)
    side = "r" if cell.numeric else "l"
    lines = r"\\".join(map(escape, parts))
    return rf"\begin{{tabular}}[b]{{@{{}}{side}@{{}}}}{lines}\end{{tabular}}"


def escape(words: str) -> str:
    """Text that LaTeX shows as it is; letters that pdfLaTeX's fonts lack are named by number."""
    letters = (_LETTERS.get(letter, letter) for letter in _on_one_line(words))
    shown = (letter if ord(letter[0]) < 0x180 else rf"U+{ord(letter):04X}" for letter in letters)
    return re.sub(r"(?<![\w}])-(?=\d)", "$-$", "".join(shown))


def _on_one_line(words: str) -> str:
    return " ".join(words.split())
