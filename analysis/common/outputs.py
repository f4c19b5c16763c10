"""What a topic of the analysis makes, and how it becomes files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from bench import files

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Outputs = Mapping[str, "str | pd.DataFrame | Figure"]
"""File name -> text, table (.csv) or figure (.png), in the order in which they are written."""


def write(folder: Path, outputs: Outputs) -> list[Path]:
    """Write each output into `folder`, atomically; the paths, in order.

    Tables have six decimals, and empty fields for what does not exist.
    """
    return [_write(folder / name, content) for name, content in outputs.items()]


def _write(path: Path, content: str | pd.DataFrame | Figure) -> Path:
    if isinstance(content, str):
        return files.write(path, content)
    if isinstance(content, pd.DataFrame):
        text = content.to_csv(index=False, float_format="%.6f", lineterminator="\n")
        return files.write(path, text)
    from analysis.common import plots

    return files.write(path, plots.render(content))
