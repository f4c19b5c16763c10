"""Anybody's own images: train/ and test/ with one folder a class."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from bench import seeds
from bench.data.registry import FOLDER_PREFIX
from bench.data.resizing import resize
from bench.data.source import Part, Source
from bench.errors import DataError

SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".pgm", ".ppm"}
)
LAYOUT = "there must be train/ and test/, each with one folder of images a class"


def open_source(name: str, root: Path) -> Source:
    """The images under the path in `name`; a relative one is looked for here, then under `root`.

    Lists the files and decodes none: `Part.read` decodes what is used. Transparency is ignored.
    Training images come in a fixed random order, not class by class: a super-network normalises by
    a batch's own statistics, and in a batch of one class it cannot tell the classes apart.
    """
    folder = Path(name.removeprefix(FOLDER_PREFIX)).expanduser()
    if not folder.is_dir():
        folder = root / folder  # which is `folder` itself if that is absolute
    for part in ("train", "test"):
        if not (folder / part).is_dir():
            raise DataError(f"{name}: no folder {(folder / part).absolute()}; {LAYOUT}")
    class_names = _class_names(folder / "train")
    if len(class_names) < 2:
        raise DataError(f"{name}: {folder / 'train'} has fewer than two classes; {LAYOUT}")
    unknown = [known for known in _class_names(folder / "test") if known not in class_names]
    if unknown:
        raise DataError(f"{name}: class {folder / 'test' / unknown[0]} has no folder in train/")
    train, test = (
        _open_part(name, folder / part, class_names, mixed=part == "train")
        for part in ("train", "test")
    )
    for label, class_name in enumerate(class_names):
        if not bool((train.labels == label).any()):
            raise DataError(f"{name}: {folder / 'train' / class_name} has no image; {LAYOUT}")
    if not len(test.labels):
        raise DataError(f"{name}: {folder / 'test'} has no image; {LAYOUT}")
    return Source(class_names, train, test)


def _class_names(folder: Path) -> tuple[str, ...]:
    entries = (path for path in folder.iterdir() if not path.name.startswith("."))
    return tuple(sorted(path.name for path in entries if path.is_dir()))


def _open_part(name: str, folder: Path, class_names: tuple[str, ...], mixed: bool) -> Part:
    files: list[str] = []
    labels: list[int] = []
    for label, class_name in enumerate(class_names):
        images = _image_files(folder / class_name)
        files += images
        labels += [label] * len(images)

    def read(positions: Tensor, size: int | None) -> Tensor:
        return _decode_all(name, [files[position] for position in positions.tolist()], size)

    if mixed:
        order = torch.randperm(
            len(files), generator=seeds.generator("cpu", "image folder")
        ).tolist()
        files, labels = [files[n] for n in order], [labels[n] for n in order]
    return Part(torch.tensor(labels, dtype=torch.int64), read)


def _image_files(folder: Path) -> list[str]:
    return sorted(
        os.path.join(parent, file)  # noqa: PTH118 - text: a path object each is slow for 60,000
        for parent, _, files in os.walk(folder, followlinks=True)
        for file in files
        if os.path.splitext(file)[1].lower() in SUFFIXES  # noqa: PTH122
        and not file.startswith(".")
    )


def _decode_all(name: str, files: list[str], size: int | None) -> Tensor:
    """uint8 [files, channels, height, width]: one channel if all are grey, otherwise RGB."""
    images = torch.empty(0)
    for position, file in enumerate(files):
        image = _decode(file)
        if size is not None:
            image = resize(image[None], size)[0]
        if position == 0:
            images = torch.empty(len(files), *image.shape, dtype=torch.uint8)
        if image.shape[1:] != images.shape[2:]:
            sizes = [f"{shape[-1]}x{shape[-2]}" for shape in (image.shape, images.shape)]
            raise DataError(
                f"{name}: {file} has {sizes[0]} pixels, but {files[0]} {sizes[1]}; "
                "set data.size to resize all images"
            )
        if image.shape[0] > images.shape[1]:
            images = images.expand(-1, 3, -1, -1).clone()
        images[position] = image
    return images


def _decode(file: str) -> Tensor:
    """One image as uint8 [1 or 3, height, width]."""
    from PIL import Image

    try:
        with Image.open(file) as image:
            if image.mode.startswith("I;16"):
                pixels = (np.array(image) >> 8).astype(np.uint8)
            elif image.mode in ("I", "F"):
                raise ValueError(f"its pixels have 32 bits (mode {image.mode}), not 8 or 16")
            else:
                pixels = np.array(image.convert("L" if image.mode in ("1", "L", "LA") else "RGB"))
    except Exception as error:  # decoders raise many types for damaged files
        reason = " ".join(str(error).split()).replace(f" {file!r}", "")
        raise DataError(f"{file} is not a usable image ({reason}): replace or delete it") from error
    tensor = torch.from_numpy(pixels)
    return tensor[None] if tensor.ndim == 2 else tensor.permute(2, 0, 1)
