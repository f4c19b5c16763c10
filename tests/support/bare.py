"""A Python with a few of the installed packages and what they require, and nothing else."""

from __future__ import annotations

import re
import venv
import zipfile
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path


def python_with(place: Path, names: Iterable[str], without: Iterable[str] = ()) -> Path:
    """The interpreter of a new environment; AssertionError where one of `without` is required."""
    venv.create(place, symlinks=True, with_pip=False)
    packages = next(place.glob("lib/python*/site-packages"))
    found = closure(names)
    assert not set(without) & set(found), f"{set(without) & set(found)} are required"
    for distribution in found.values():
        for top in tops(distribution):
            link = packages / top
            if not link.exists():
                link.symlink_to(Path(str(distribution.locate_file(top))))
    return place / "bin" / "python"


def closure(names: Iterable[str]) -> dict[str, metadata.Distribution]:
    """Distributions and what they require, by name, as far as they are installed."""
    found: dict[str, metadata.Distribution] = {}
    for name in names:
        _add(name, found)
    return found


def _add(name: str, found: dict[str, metadata.Distribution]) -> None:
    try:
        distribution = metadata.distribution(name)
    except metadata.PackageNotFoundError:  # for another platform
        return
    if distribution.metadata["Name"] in found:
        return
    found[distribution.metadata["Name"]] = distribution
    for requirement in distribution.requires or []:
        if "extra ==" not in requirement:
            _add(re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0], found)


def tops(distribution: metadata.Distribution) -> set[str]:
    """What a distribution has in site-packages: folders and files."""
    return {file.parts[0] for file in distribution.files or []} - {"..", "__pycache__"}


def wheels(place: Path, names: Iterable[str]) -> Iterator[Path]:
    """Wheels, in form, of installed distributions: what an index would give for this Python."""
    for name in names:
        distribution = metadata.distribution(name)
        path = place / f"{name}-{distribution.version}-cp.whl"
        with zipfile.ZipFile(path, "w") as archive:
            for file in distribution.files or []:
                if file.parts[0] not in ("..", "__pycache__") and file.suffix != ".pyc":
                    archive.write(str(distribution.locate_file(file)), str(file))
        yield path
