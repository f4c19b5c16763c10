"""Errors that a user can act on: one line each, no traceback, exit status 2."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable


class BenchError(Exception):
    """Wrong usage, configuration or data. The message is one line: what, where, what is allowed.

    It may quote what somebody typed: characters that end a line or move a cursor are written out.
    """

    def __str__(self) -> str:
        return "".join(
            character if character.isprintable() else character.encode("unicode_escape").decode()
            for character in super().__str__()
        )


class ConfigurationError(BenchError):
    """A study, an override or an option that cannot be meant."""


class DataError(BenchError):
    """A data set that is missing, truncated or not what its name says."""


class ClusterError(BenchError):
    """A cluster that cannot be reached, or refuses."""


class ResultsError(BenchError):
    """A results folder or a record that cannot be read or written."""


def one_line(said: object) -> str:
    """An error, or another text, in one line."""
    return " ".join(as_text(str(said)).split())


def as_text(argument: str) -> str:
    """An argument or a file's name with the bytes that the locale could not read as UTF-8."""
    try:
        return argument.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    except UnicodeEncodeError:  # other halves of surrogate pairs
        return argument.encode("utf-8", "backslashreplace").decode("utf-8")


def suggest(name: str, known: Iterable[str]) -> str:
    """`did you mean X?` where something known is near, else the list of what is known."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    allowed = ", ".join(names) or "none"
    return f"did you mean {near[0]}? (known: {allowed})" if near else f"known: {allowed}"


def show(value: object) -> str:
    """A value as it would stand in a study file, at most 60 characters."""
    try:
        text = json.dumps(value, default=str, ensure_ascii=False)
    except (TypeError, ValueError):
        text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
