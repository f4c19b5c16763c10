"""The image files of a folder, and what else lies in it: nothing vanishes without being counted."""

from __future__ import annotations

import os
import re
import unicodedata
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path

from bench.errors import DataError

SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".bmp", ".gif", ".webp", ".avif", ".tif"}
    | {".tiff", ".jp2", ".pbm", ".pgm", ".ppm", ".pnm"}
)
"""Of images, in any case; those that the installed Pillow cannot read are ignored, and counted."""
SYSTEM = frozenset({"__MACOSX", "@eaDir", "$RECYCLE.BIN", "System Volume Information"})
HIDDEN = "hidden"
LINKS = "links to a folder that is read already"
STRAY = "outside of the class folders"


def resolve(name: str, path: str, root: Path, is_there: Callable[[Path], bool]) -> Path:
    """Where a path of a study file is: from here, or else under the data root.

    One that is something else here, and nowhere what it should be, is this one: its error says so.
    Raises DataError where a relative path leads to nothing.
    """
    place = Path(os.path.expanduser(path))  # noqa: PTH111 - Path's raises for an unknown user
    below = root / place  # which is `place` if that is absolute
    here, there = map(_exists, (place, below))
    if not (here or there or place.is_absolute()):
        raise DataError(
            f"{name}: there is no {show_path(path)} here, in {show_path(Path.cwd())}, or below the"
            f" data root {show_path(root.absolute())}"
        )
    return place if is_there(place) or (here and not is_there(below)) else below


def _exists(path: Path) -> bool:
    return os.path.exists(path)  # noqa: PTH110 - false of names that cannot be, too


def show_path(path: str | Path) -> str:
    """A path as text for one line: control characters and bytes that are no UTF-8 are escaped."""
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    return re.sub(r"[\x00-\x1f\x7f]", lambda control: repr(control.group())[1:-1], text)


def scan(name: str, folder: Path, ignored: Counter[str]) -> list[os.DirEntry[str]]:
    """What lies in a folder, by name, but what is hidden, which `ignored` counts.

    Raises DataError, of one line, where the folder cannot be read, and where a link leads nowhere:
    it may be to a whole class.
    """
    try:
        with os.scandir(folder) as entries:
            listed = sorted(entries, key=lambda entry: entry.name)
    except (OSError, ValueError) as error:  # ValueError: a path with a null byte
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError(
            f"{name}: folder {show_path(folder.absolute())} cannot be read: {reason}"
        ) from error
    for entry in listed:
        if _is_hidden(entry):
            ignored[HIDDEN] += _count_files(entry)
    seen = [entry for entry in listed if not _is_hidden(entry)]
    for entry in filter(os.DirEntry.is_symlink, seen):
        _refuse_broken(name, entry)
    return seen


def _refuse_broken(name: str, link: os.DirEntry[str]) -> None:
    try:
        link.stat()
    except FileNotFoundError as error:
        raise DataError(f"{name}: {show_path(link.path)} is a link to nothing") from error
    except OSError as error:  # it leads to itself, or where one may not look
        raise DataError(
            f"{name}: link {show_path(link.path)} cannot be followed: {error.strerror}"
        ) from error


def find_class_folders(name: str, folder: Path, ignored: Counter[str]) -> dict[str, Path]:
    """Class -> its folder in `folder`, by name; class names are in Unicode's composed form (NFC).

    Raises DataError where a name is no UTF-8 or two are the same but for their form.
    """
    folders: dict[str, Path] = {}
    for entry in scan(name, folder, ignored):
        if not entry.is_dir():
            ignored[STRAY] += 1
            continue
        try:
            entry.name.encode()
        except UnicodeEncodeError as error:
            text = show_path(entry.path)
            raise DataError(f"{name}: the name of {text} is not UTF-8: rename it") from error
        known = unicodedata.normalize("NFC", entry.name)
        if known in folders:
            raise DataError(
                f"{name}: {entry.path} and another folder beside it have the same name in two"
                " Unicode forms: rename one"
            )
        folders[known] = Path(entry.path)
    return folders


def list_images(name: str, folder: Path, ignored: Counter[str]) -> list[str]:
    """The image files in a class's folder and in the folders within it, by path.

    Links are followed, but none to a folder that is read already or that this one lies in. Raises
    as `scan`.
    """
    real = folder.resolve()
    seen = {_identify(above) for above in (real, *real.parents)}
    waiting, images = [folder], []
    while waiting:
        for entry in scan(name, waiting.pop(), ignored):
            if entry.is_dir():
                identity = _identify(Path(entry.path))
                if identity in seen:
                    ignored[LINKS] += 1
                    continue
                seen.add(identity)
                waiting.append(Path(entry.path))
            elif not is_image(entry):
                suffix = show_path(_suffix(entry))
                ignored[f"with suffix {suffix}" if suffix else "without suffix"] += 1
            elif entry.is_file():
                images.append(entry.path)  # text: a path object each is slow for 60,000
            else:
                ignored["that are no regular files"] += 1
    return sorted(images)


def is_image(entry: os.DirEntry[str]) -> bool:
    """Whether an entry's suffix is one of images."""
    return _suffix(entry) in _readable_suffixes()


def _suffix(entry: os.DirEntry[str]) -> str:
    return os.path.splitext(entry.name)[1].lower()  # noqa: PTH122 - text is faster


@cache
def _readable_suffixes() -> frozenset[str]:
    from PIL import Image

    return SUFFIXES & Image.registered_extensions().keys()


def _is_hidden(entry: os.DirEntry[str]) -> bool:
    return entry.name.startswith(".") or entry.name in SYSTEM


def _count_files(entry: os.DirEntry[str]) -> int:
    if not entry.is_dir(follow_symlinks=False):
        return 1
    return sum(len(files) for _, _, files in os.walk(entry.path))


def _identify(folder: Path) -> tuple[int, int]:
    status = folder.stat()
    return status.st_dev, status.st_ino
