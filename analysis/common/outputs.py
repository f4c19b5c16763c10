"""What a topic of the analysis makes, and how it becomes files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from bench import files

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Outputs = Mapping[str, "str | pd.DataFrame | Figure"]
"""File name -> text, table (.csv) or figure (.png), in the order in which they are written."""


def write(folder: Path, outputs: Outputs, formats: Iterable[str] = ()) -> list[Path]:
    """Write each output into `folder`, atomically; the paths, in order.

    Tables have at most six decimals, and empty fields for what does not exist. formats: of the
    files that figures have beside their PNG, of `plots.FORMATS`.
    """
    kinds = [kind for kind in dict.fromkeys(formats) if kind != "png"]
    return [
        path for name, content in outputs.items() for path in _write(folder / name, content, kinds)
    ]


def _format(value: object) -> str:
    """Six decimals, without the zeros that end them but one: 0.5, 2.0, inf."""
    whole, point, decimals = f"{value:.6f}".partition(".")
    return f"{whole}.{decimals.rstrip('0') or '0'}" if point else whole


def _write(
    path: Path, content: str | pd.DataFrame | Figure, kinds: Sequence[str]
) -> Iterator[Path]:
    if isinstance(content, str):
        yield files.write(path, content)
    elif isinstance(content, pd.DataFrame):
        text = content.to_csv(index=False, float_format=_format, lineterminator="\n")
        yield files.write(path, text)
    else:
        from analysis.common import plots

        yield files.write(path, plots.render(content))
        for kind in kinds:
            yield files.write(path.with_suffix(f".{kind}"), plots.render(content, kind))
