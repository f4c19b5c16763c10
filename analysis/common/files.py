"""Tables as files."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from bench import files


def write_csv(path: Path, table: pd.DataFrame) -> Path:
    """Write a table with six decimals and empty fields for what does not exist, atomically."""
    return files.write(path, table.to_csv(index=False, float_format="%.6f", lineterminator="\n"))
