"""Generated sentences in Markdown files, between two marks.

<!-- claims: collapse methods -->
what the ledger says of these studies
<!-- end -->
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import files
from bench.errors import ConfigurationError, ResultsError

END = "<!-- end -->"
_BLOCK = re.compile(
    r"^<!-- claims:(?P<studies>.*?)-->\n(?P<body>.*?)^<!-- end -->$", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True)
class Block:
    """A block as it stands in a file: the studies that it is of, and the text between the marks."""

    studies: tuple[str, ...]
    body: str


def render(studies: Sequence[str], body: str) -> str:
    """A block with both marks."""
    return f"<!-- claims: {' '.join(studies)} -->\n{body}{END}"


def find(path: Path) -> list[Block]:
    """The blocks of a file; none where there is no file. Raises ResultsError."""
    return [
        Block(tuple(match["studies"].split()), match["body"])
        for match in _BLOCK.finditer(_read(path) if path.is_file() else "")
    ]


def fill(path: Path, studies: Sequence[str], body: str) -> Path:
    """Write the block of these studies into a file that has one, or one without studies.

    Raises ConfigurationError where it does not, and ResultsError where it is not readable.
    """
    text = _read(path)
    matches = list(_BLOCK.finditer(text))
    exact = [match for match in matches if set(match["studies"].split()) == set(studies)]
    fitting = exact or [match for match in matches if not match["studies"].strip()]
    if not fitting:
        mark = f"<!-- claims: {' '.join(studies)} -->"
        raise ConfigurationError(f"{path}: has no lines {mark!r} and {END!r} to write between")
    start, end = fitting[0].span()
    return files.write(path, text[:start] + render(studies, body) + text[end:])


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ResultsError(f"{path} cannot be read: {error}") from error
