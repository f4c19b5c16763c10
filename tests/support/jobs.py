"""A job that leaves a file beside its checkpoints, as trials leave networks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.run.messages import EpochDone


def leave_file(
    text: str,
    *,
    device: Any,
    data_root: Path | None,
    folder: Path,
    report: Callable[[EpochDone], None],
) -> str:
    """Write `text` to networks/file in the results; the text in capitals."""
    report(EpochDone("search", 1, 1))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "checkpoint").write_text(text)
    path = folder.parent.parent / "networks" / "file"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return text.upper()
