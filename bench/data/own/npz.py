"""Images and labels in one .npz file of NumPy.

x_train: images, [n, height, width] or [n, height, width, 1 or 3], whole numbers from 0 to 255 or
fractions from 0 to 1; y_train: labels, whole numbers from 0, [n] or [n, 1]. x_test, y_test: the
test part; without them one is split off. classes: names, in the order of the labels; optional.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bench.data.own.files import show_path
from bench.data.own.pixels import from_numbers, mix
from bench.data.source import Part, Remarks, Source, in_memory
from bench.errors import DataError, one_line

ARRAYS = ("x_train", "y_train", "x_test", "y_test", "classes")

Arrays = Mapping[str, np.ndarray[Any, Any]]


def open_source(name: str, path: Path) -> Source:
    """The arrays of the file at `path`. Raises DataError, in one line, where they are no data set.

    Training images come in a fixed random order (`pixels.mix`).
    """
    where = f"{name}: {show_path(path.absolute())}"
    arrays, others = _read(where, path)
    needed = ARRAYS[:2] if not {"x_test", "y_test"} & arrays.keys() else ARRAYS[:4]
    if absent := [key for key in needed if key not in arrays]:
        there = ", ".join([*arrays, *others]) or "nothing"
        raise DataError(
            f"{where} has no array {absent[0]} (it has {there}); there must be x_train and y_train,"
            " and both or none of x_test and y_test"
        )
    train = _open_part(where, arrays, "train")
    test = _open_part(where, arrays, "test") if "x_test" in arrays else None
    classes = _class_names(where, arrays, int(train.labels.max()) + 1)
    if test is not None and int(test.labels.max()) >= len(classes):
        label = int(test.labels.max())
        raise DataError(f"{where}: y_test has label {label}, which no training image has")
    notes = [f"arrays not read: {', '.join(others)}"] if others else []
    return Source(classes, train, test, Remarks(notes=notes), str(path.resolve()))


def _read(where: str, path: Path) -> tuple[Arrays, list[str]]:
    """The arrays that are known, and the names of the others."""
    try:
        loaded: Any = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            raise ValueError("it is no .npz file")
        with loaded as file:
            known = {key: file[key] for key in ARRAYS if key in file.files}
            return known, [key for key in file.files if key not in known]
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        reason = getattr(error, "strerror", None) or one_line(error)
        raise DataError(f"{where} cannot be read: {reason}") from error


def _open_part(where: str, arrays: Arrays, part: str) -> Part:
    images, labels = arrays[f"x_{part}"], arrays[f"y_{part}"]
    if images.ndim == 3:
        images = images[..., None]
    if images.ndim != 4 or images.shape[-1] not in (1, 3) or not images.size:
        raise DataError(
            f"{where}: x_{part} has shape {list(arrays[f'x_{part}'].shape)}: must be [n, height,"
            " width] or [n, height, width, 1 or 3]"
        )
    if labels.shape not in ((len(images),), (len(images), 1)) or labels.dtype.kind not in "iu":
        raise DataError(
            f"{where}: y_{part} has shape {list(labels.shape)} of {labels.dtype}: must be one whole"
            f" number for each of the {len(images)} images of x_{part}"
        )
    if labels.min() < 0:
        raise DataError(f"{where}: y_{part} has label {labels.min()}: must be at least 0")
    try:
        pixels = torch.from_numpy(np.ascontiguousarray(from_numbers(images).transpose(0, 3, 1, 2)))
    except ValueError as error:
        raise DataError(f"{where}: x_{part} {error}") from error
    order = mix(len(images)) if part == "train" else torch.arange(len(images))
    return in_memory(pixels[order], torch.from_numpy(labels.astype(np.int64)).flatten()[order])


def _class_names(where: str, arrays: Arrays, least: int) -> tuple[str, ...]:
    if "classes" not in arrays:
        return tuple(map(str, range(least)))
    names = arrays["classes"]
    if names.ndim != 1 or len(names) < least:
        raise DataError(
            f"{where}: classes has shape {list(names.shape)}: must be a name for each of the"
            f" {least} classes of y_train"
        )
    return tuple(map(str, names.tolist()))
