"""Reading a study whose cells another study has found."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path

from bench.records.transfer import cells
from bench.study import file
from bench.study.model import Study


def load(reference: str, overrides: Sequence[str], results: Path) -> Study:
    """`bench.study.file.load`, with the cells of studies whose results are in `results`."""
    return file.load(reference, overrides, functools.partial(cells.find, results))
