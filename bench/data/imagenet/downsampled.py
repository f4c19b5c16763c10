"""ImageNet downsampled to 16x16 or 32x32 pixels (Chrabaszcz, Loshchilov, Hutter 2017).

Pickled files `train_data_batch_1` to `train_data_batch_10` and `val_data`: `data` (uint8 [n,
3 * side * side], the channels one after another) and `labels` (whole numbers from 1). The training
images are shuffled in them. One file at a time is in memory.
"""

from __future__ import annotations

import hashlib
import io
import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bench.data.own.files import show_path
from bench.data.resizing import Sizing
from bench.data.source import Part, Source
from bench.errors import DataError, one_line

SIDES = {"imagenet16": 16, "imagenet32": 32}
TRAIN = tuple(f"train_data_batch_{number}" for number in range(1, 11))
VALIDATION = "val_data"
_ALLOWED = {
    ("_reconstruct", "multiarray"),
    ("scalar", "multiarray"),
    ("_frombuffer", "numeric"),
    ("ndarray", "numpy"),
    ("dtype", "numpy"),
    ("encode", "_codecs"),
}


def open_source(name: str, root: Path) -> Source:
    """The files in `root`/NAME, or in ImagenetSIDE_train/ and ImagenetSIDE_val/, as archives have.

    The validation images are the test part; class names are the numbers. Raises DataError, of one
    line, for files that are missing or damaged.
    """
    side = SIDES[name]
    train = _open_part(name, [_find(name, root, file, "train") for file in TRAIN], side)
    test = _open_part(name, [_find(name, root, VALIDATION, "val")], side)
    classes = int(train.labels.max()) + 1
    if int(test.labels.max()) >= classes:
        label = int(test.labels.max()) + 1
        raise DataError(f"{name}: a validation image has label {label}, no training image has it")
    return Source(tuple(map(str, range(1, classes + 1))), train, test, place=str(root.resolve()))


def _find(name: str, root: Path, file: str, part: str) -> Path:
    places = [root / name / file, root / f"Imagenet{SIDES[name]}_{part}" / file]
    for path in places:
        if path.is_file():
            return path
    raise DataError(
        f"{name}: {show_path(places[0])} is missing: the files {TRAIN[0]} to {TRAIN[-1]} and"
        f" {VALIDATION} of image-net.org must be there; nothing is downloaded: put them there, or"
        f" name a folder that has {name}/ with --data-root or BENCH_DATA"
    )


class _Numbers(pickle.Unpickler):
    """Reads plain data and NumPy's arrays; a pickle could call any function otherwise."""

    def find_class(self, module: str, name: str) -> Any:
        if (name, module.rpartition(".")[2]) in _ALLOWED and module.split(".")[0] in (
            "numpy",
            "_codecs",
        ):
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"it names {module}.{name}")


class _Files:
    """The images of several files as one sequence. The file that was read last is kept."""

    def __init__(self, name: str, paths: Sequence[Path], side: int) -> None:
        self.name, self.paths, self.side = name, paths, side
        self._last: tuple[int, Tensor] | None = None
        labels = [self._read(number)[1] for number in range(len(paths))]
        self.labels = torch.cat(labels)
        self.bounds = np.cumsum([0, *map(len, labels)])

    def read(self, positions: Tensor, sizing: Sizing | None) -> Tensor:
        side = self.side if sizing is None else sizing.side
        images = torch.empty(len(positions), 3, side, side, dtype=torch.uint8)
        owners = np.searchsorted(self.bounds, positions.numpy(), side="right") - 1
        for number in np.unique(owners).tolist():
            chosen = torch.from_numpy(owners == number)
            selected = self._images(number)[positions[chosen] - int(self.bounds[number])]
            images[chosen] = selected if sizing is None else sizing.apply(selected)
        return images

    def identify(self, positions: Tensor) -> str:
        content = hashlib.sha256()
        for path in self.paths:
            status = path.stat()
            content.update(f"{path}\0{status.st_size}\0{status.st_mtime_ns}\0".encode())
        return content.hexdigest()

    def _images(self, number: int) -> Tensor:
        if self._last is None or self._last[0] != number:
            self._last = None  # before another one is in memory
            self._read(number)
        assert self._last is not None
        return self._last[1]

    def _read(self, number: int) -> tuple[Tensor, Tensor]:
        """The images and labels (from 0) of a file."""
        path = self.paths[number]
        try:
            content = _Numbers(io.BytesIO(path.read_bytes()), encoding="latin1").load()
            pixels, labels = np.asarray(content["data"]), np.asarray(content["labels"])
            if pixels.dtype != np.uint8 or pixels.shape[1:] != (3 * self.side**2,):
                raise ValueError(f"data is {list(pixels.shape)} of {pixels.dtype}")
            if labels.shape != pixels.shape[:1] or not len(labels) or labels.dtype.kind not in "iu":
                raise ValueError(f"there are {list(labels.shape)} labels of {labels.dtype}")
            if labels.min() < 1:
                raise ValueError(f"label {labels.min()} is below 1")
        except Exception as error:  # a damaged pickle can fail in any way
            raise DataError(
                f"{self.name}: {show_path(path)} is not a file of images of"
                f" {self.side}x{self.side} pixels ({one_line(error)[:200]}): replace it"
            ) from error
        images = torch.from_numpy(np.ascontiguousarray(pixels)).view(-1, 3, self.side, self.side)
        self._last = number, images
        return images, torch.from_numpy(labels.astype(np.int64) - 1)


def _open_part(name: str, paths: Sequence[Path], side: int) -> Part:
    files = _Files(name, paths, side)
    return Part(files.labels, files.read, lambda: (3, side, side), files.identify)
