"""Which study made a results folder, so that another one of the same name does not overwrite it.

results/<study>/study.json says it: {"source": a shipped study's name, or its file relative to the
folder, "digest": SHA-256 of the text}. A study goes on there if it is the same file, however
changed, or the same text elsewhere, or if the file that made the results has gone or has another
name by now.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from bench import files
from bench.errors import BenchError, ConfigurationError
from bench.study import yaml
from bench.study.file import shipped
from bench.study.model import Study

FILE = "study.json"
SHIPPED = "shipped:"


def check(study: Study, folder: Path) -> None:
    """Raise ConfigurationError, naming both, where another study made the results in `folder`."""
    made = _read(folder)
    if study.origin is None or made is None or made.get("digest") == study.origin.digest:
        return
    before, now = str(made.get("source")), _source(study, folder)
    if before == now or not _is_there(before, folder, study.name):
        return
    raise ConfigurationError(
        f"two studies have the name {study.name}: {_show(before, folder)} made the results in"
        f" {folder}, and {_show(now, folder)} would overwrite its tables; give one another name"
        f" (--set name={study.name}-2), or choose another folder with --results"
    )


def keep(study: Study, folder: Path) -> None:
    """Write down that this study makes the results in `folder`. Raises as `check`."""
    check(study, folder)
    if study.origin is not None:
        made = {"source": _source(study, folder), "digest": study.origin.digest}
        if made != _read(folder):
            files.write(folder / FILE, json.dumps(made, indent=1) + "\n")


def _read(folder: Path) -> dict[str, Any] | None:
    try:
        made = json.loads((folder / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):  # none yet, or damaged: as good as none
        return None
    return made if isinstance(made, dict) else None


def _source(study: Study, folder: Path) -> str:
    assert study.origin is not None
    if study.origin.path is None:
        return SHIPPED + study.origin.name
    return os.path.relpath(study.origin.path, folder.resolve())


def _is_there(source: str, folder: Path, name: str) -> bool:
    """Whether there is still a study of this name in the place that made the results."""
    if source.startswith(SHIPPED):
        return source.removeprefix(SHIPPED) in shipped()
    try:
        return yaml.read(folder.resolve() / source).get("name") == name
    except (BenchError, ValueError):  # ValueError: a path that cannot be
        return False


def _show(source: str, folder: Path) -> str:
    if source.startswith(SHIPPED):
        return f"the shipped study {source.removeprefix(SHIPPED)}"
    return os.path.normpath(folder.resolve() / source)
