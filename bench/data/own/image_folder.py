"""Anybody's own images: train/ and test/ with one folder per class, or the class folders alone."""

from __future__ import annotations

import difflib
import hashlib
import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from bench.data.own import files as found
from bench.data.own.decoding import decode, in_order, peek
from bench.data.own.pixels import mix, stack
from bench.data.resizing import Sizing
from bench.data.source import Part, Remarks, Source
from bench.errors import DataError

LAYOUT = (
    "there must be train/ and test/, each with one folder of images per class, or the class folders"
    " alone, of which a test part is split off"
)
UNTESTED = "every class needs images in every part: add some, or leave the class out of all"
PARTS = ("train", "test")
_LIKE_PARTS = {*PARTS, "training", "testing", "val", "valid", "validation", "dev", "eval"}


def open_source(name: str, folder: Path) -> Source:
    """The images under `folder`, with class names in the order of the folders' names.

    Lists the files and decodes none: `Part.read` decodes what is used. Training images come in a
    fixed random order (`pixels.mix`). Raises DataError, in one line, for a folder of another layout
    and for a class that has no image.
    """
    remarks = Remarks()
    folders = _find_parts(name, folder, remarks)
    return open_parts(name, folder, folders, remarks)


def open_parts(
    name: str, folder: Path, folders: Mapping[str, Mapping[str, Path]], remarks: Remarks
) -> Source:
    """The images of parts that are found: part ("train", perhaps "test") -> class -> its folder.

    Raises DataError where classes are too few, are not the same in both parts, or have no image.
    """
    train = folders["train"]
    if len(train) < 2:
        where = found.show_path(next(iter(train.values())).parent if train else folder)
        raise DataError(f"{name}: {where} has fewer than two classes; {LAYOUT}")
    if "test" in folders:
        _check_same_classes(name, train, folders["test"])
    _note_similar_names(train, remarks)
    parts = {
        part: _open_part(name, _list(name, [own[label] for label in train], remarks), remarks,
                         mixed=part == "train")
        for part, own in folders.items()
    }  # fmt: skip
    place = str(folder.resolve())
    return Source(tuple(train), parts["train"], parts.get("test"), remarks, place)


def open_listed(
    name: str,
    folder: Path,
    train: Mapping[str, Path],
    test: Mapping[str, Sequence[str]],
    remarks: Remarks,
) -> Source:
    """The same with a test part whose images are listed: class -> paths. Raises as `open_parts`."""
    whole = open_parts(name, folder, {"train": train}, remarks)
    for label, paths in test.items():
        if not paths:
            raise DataError(f"{name}: class {found.show_path(label)} has no test image; {UNTESTED}")
    part = _open_part(name, [test[label] for label in train], remarks, mixed=False)
    return replace(whole, test=part)


def _find_parts(name: str, folder: Path, remarks: Remarks) -> dict[str, Mapping[str, Path]]:
    """Part -> class -> its folder; without a part "test" where the class folders stand alone."""
    entries = found.scan(name, folder, remarks.ignored)
    inside = {entry.name for entry in entries if entry.is_dir()}
    if inside.issuperset(PARTS):
        if others := sorted(inside.difference(PARTS)):
            listed = ", ".join(f"{found.show_path(other)}/" for other in others)
            remarks.notes.append(f"beside train/ and test/, not read: {listed}")
        remarks.ignored[found.STRAY] += sum(not e.is_dir() and found.is_image(e) for e in entries)
        parts = ((part, folder / part) for part in PARTS)
        return {part: found.find_class_folders(name, path, remarks.ignored) for part, path in parts}
    if like := [other for other in sorted(inside) if other.lower() in _LIKE_PARTS]:
        raise DataError(
            f"{name}: {found.show_path(folder.absolute())} has {', '.join(f'{x}/' for x in like)};"
            f" {LAYOUT}"
        )
    remarks.ignored.clear()  # what is hidden is counted again
    return {"train": found.find_class_folders(name, folder, remarks.ignored)}


def _check_same_classes(name: str, train: Mapping[str, Path], test: Mapping[str, Path]) -> None:
    for label, folder in test.items():
        if label not in train:
            raise DataError(
                f"{name}: class {found.show_path(folder)} has no folder in train/;"
                f" {_suggest_class(label, train)}"
            )
    for label in train:
        if label not in test:
            raise DataError(
                f"{name}: class {found.show_path(label)} has no folder in test/; {UNTESTED}"
            )


def _list(name: str, folders: Sequence[Path], remarks: Remarks) -> list[list[str]]:
    """The images of every class."""
    listed = []
    for folder in folders:
        before = remarks.ignored.copy()
        images = found.list_images(name, folder, remarks.ignored)
        if not images:
            others = remarks.ignored - before
            reasons = ", ".join(f"{reason} {count}" for reason, count in others.items())
            said = f" (files ignored: {reasons})" if reasons else ""
            raise DataError(f"{name}: {found.show_path(folder)} has no image{said}; {UNTESTED}")
        listed.append(images)
    return listed


def _open_part(name: str, classes: Sequence[Sequence[str]], remarks: Remarks, mixed: bool) -> Part:
    """classes: the paths of every class's images."""
    paths = [path for own in classes for path in own]
    labels = [label for label, own in enumerate(classes) for _ in own]
    if mixed:
        order = mix(len(paths)).tolist()
        paths, labels = [paths[n] for n in order], [labels[n] for n in order]

    def read(positions: Tensor, sizing: Sizing | None) -> Tensor:
        def decode_one(path: str) -> Tensor:
            pixels, changed = decode(path, sizing)
            if changed:
                with counting:
                    remarks.changed.update(changed)
            return pixels

        selected = [paths[position] for position in positions.tolist()]
        named = zip(map(found.show_path, selected), in_order(decode_one, selected), strict=True)
        return stack(name, named, len(positions))

    def identify(positions: Tensor) -> str:
        content = hashlib.sha256()
        for position in positions.tolist():
            try:
                status = Path(paths[position]).stat()
            except OSError as error:
                text = found.show_path(paths[position])
                raise DataError(f"{name}: {text} cannot be read: {error.strerror}") from error
            content.update(os.fsencode(paths[position]))
            content.update(f"\0{status.st_size}\0{status.st_mtime_ns}\0".encode())
        return content.hexdigest()

    counting = threading.Lock()
    return Part(torch.tensor(labels, dtype=torch.int64), read, lambda: peek(paths[0]), identify)


def _note_similar_names(classes: Mapping[str, Path], remarks: Remarks) -> None:
    """Classes whose names differ by case alone may be meant, as letters are, or be a slip."""
    by_name: dict[str, list[str]] = {}
    for label in classes:
        by_name.setdefault(label.casefold(), []).append(label)
    for similar in by_name.values():
        if len(similar) > 1:
            remarks.notes.append(
                f"classes that differ by case alone: {', '.join(map(found.show_path, similar))}"
            )


def _suggest_class(label: str, known: Mapping[str, Path]) -> str:
    same = [other for other in known if other.casefold() == label.casefold()]
    near = same or difflib.get_close_matches(label, known, n=1)
    return f"did you mean {near[0]}?" if near else UNTESTED
