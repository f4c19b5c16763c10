"""Generated sentences in Markdown files, between two marks.

<!-- claims: collapse methods -->
what the ledger says of these studies
<!-- end -->

`claims in short` in the first mark asks for a line a verdict in place of a line a claim.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import files
from bench.errors import ConfigurationError, ResultsError

END = "<!-- end -->"
MARK = "\ufeff"
"""Of the order of bytes, with which some editors begin a file."""
_BLOCK = re.compile(
    r"^<!-- (?P<kind>claims|claims in short):(?P<studies>.*?)-->\n"
    r"(?P<body>(?:(?!<!-- *claims\b).*\n)*?)<!-- end -->$",
    re.MULTILINE,
)


KINDS = ("claims", "claims in short")
_BEGIN = re.compile(r"<!-- *claims\b")  # also of a block that is not written as it has to be


@dataclass(frozen=True)
class Block:
    """A block as it stands in a file: of `KINDS`, its studies, and the text between the marks."""

    kind: str
    studies: tuple[str, ...]
    body: str


def find(path: Path) -> list[Block]:
    """The blocks of a file; none where there is no file.

    Raises ResultsError where it is not readable, or where a block has no end.
    """
    return [
        Block(match["kind"], tuple(match["studies"].split()), match["body"])
        for match in (_find(path, _read(path).text) if path.is_file() else [])
    ]


def fill(path: Path, studies: Sequence[str], bodies: Mapping[str, str]) -> Path:
    """Write the blocks of these studies into a file that has some, or some without studies.

    bodies: by kind. Raises ConfigurationError where the file has no block, and ResultsError as
    `find`.
    """
    whole, fitting = _fit(path, studies)
    text, names = whole.text, " ".join(studies)
    for match in sorted(fitting, key=re.Match.start, reverse=True):
        block = f"<!-- {match['kind']}: {names} -->\n{bodies[match['kind']]}{END}"
        text = text[: match.start()] + block + text[match.end() :]
    files.write(path.resolve(), whole.mark + text.replace("\n", whole.line_end))
    return path


def check(path: Path, studies: Sequence[str]) -> None:
    """Raises as `fill` would, and writes nothing."""
    _fit(path, studies)


def _fit(path: Path, studies: Sequence[str]) -> tuple[_Page, list[re.Match[str]]]:
    """The page, and its blocks for these studies."""
    whole, fitting = _read(path), list[re.Match[str]]()
    for kind in KINDS:
        matches = [match for match in _find(path, whole.text) if match["kind"] == kind]
        exact = [match for match in matches if set(match["studies"].split()) == set(studies)]
        fitting += exact or [match for match in matches if not match["studies"].strip()]
    if not fitting:
        mark = f"<!-- claims: {' '.join(studies)} -->"
        raise ConfigurationError(f"{path}: has no lines {mark!r} and {END!r} to write between")
    return whole, fitting


def _find(path: Path, text: str) -> list[re.Match[str]]:
    """The blocks; none that lacks its end, and so would never be checked, goes unnoticed."""
    matches = list(_BLOCK.finditer(text))
    begun = {text.count("\n", 0, match.start()) for match in matches}
    for place, line in enumerate(text.split("\n")):
        if _BEGIN.match(line) and place not in begun:
            raise ResultsError(
                f"{path}, line {place + 1}: no block of claims: it has to begin with"
                f" '<!-- claims: STUDY... -->' or '<!-- claims in short: STUDY... -->' and end with"
                f" {END!r} before the next one"
            )
    return matches


@dataclass(frozen=True)
class _Page:
    """A text with its lines ended by `\\n`, and what the file has beside it: kept in writing.

    One with ends of both kinds gets the longer everywhere.
    """

    text: str
    mark: str
    line_end: str


def _read(path: Path) -> _Page:
    try:
        text = path.read_bytes().decode("utf-8")
    except OSError as error:
        raise ResultsError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ResultsError(f"{path} cannot be read: it is not UTF-8") from error
    mark = MARK if text.startswith(MARK) else ""
    line_end = "\r\n" if "\r\n" in text else "\n"
    return _Page(text.removeprefix(mark).replace("\r\n", "\n"), mark, line_end)
