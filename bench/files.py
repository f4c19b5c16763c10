"""Files that are whole or not there: the one way in which this project writes them."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from bench.errors import ResultsError

SCRATCH = ".*.tmp*"
"""A glob of what a killed process may leave behind beside its files."""


def write(path: Path, content: str | bytes) -> Path:
    """Write a text (as UTF-8, line ends as they are) or bytes; see `replacing`.

    Bytes of a command line that were no text in its locale are written as JSON escapes them.
    """
    if isinstance(content, str):
        content = content.encode(errors="backslashreplace")
    with replacing(path) as scratch:
        scratch.write_bytes(content)
    return path


def remove(path: Path) -> None:
    """Delete a file, if there is one. Raises ResultsError where it cannot be deleted."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise ResultsError(f"cannot delete {path}: {error.strerror or error}") from error


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A scratch file beside `path`, with its suffix, that takes its place when all went well.

    It has the rights of the file before it, where the system has such. It is written to the disk
    before it does, and the folder after it, so that a power cut leaves the old file or the new one.
    Missing folders are made. Raises ResultsError where the file cannot be written; whatever is
    raised within leaves `path` as it was.
    """
    scratch = path.with_name(f".{path.stem}.{os.getpid()}.tmp{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield scratch
        _to_disk(scratch)
        with contextlib.suppress(OSError):  # there is none yet, or the file system has no rights
            shutil.copymode(path, scratch)
        scratch.replace(path)
        _to_disk(path.parent)
    except OSError as error:
        raise ResultsError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        with contextlib.suppress(OSError):
            scratch.unlink()


def _to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
