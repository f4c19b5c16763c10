"""Writing results: whole or not at all."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import pandas as pd

from bench.errors import ResultsError


def write_bytes(path: Path, content: bytes) -> Path:
    """Write atomically (temporary file, fsync, rename). Raises ResultsError where it cannot."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        if isinstance(error, OSError):
            raise ResultsError(f"cannot write {path}: {error.strerror}") from error
        raise
    return path


def write_text(path: Path, text: str) -> Path:
    """Write text as UTF-8 with Unix line ends, atomically."""
    return write_bytes(path, text.encode())


def write_csv(path: Path, table: pd.DataFrame) -> Path:
    """Write a table with six decimals and empty fields for what does not exist, atomically."""
    return write_text(path, table.to_csv(index=False, float_format="%.6f", lineterminator="\n"))
