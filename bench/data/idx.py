"""MNIST and its successors: four files in the IDX format, plain or gzipped.

Checksums are not compared, because copies in another order are in use; headers, lengths and
label ranges are.
"""

from __future__ import annotations

import gzip
import math
import zlib
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from bench.data.download import damaged, ensure
from bench.data.source import Part, Source, in_memory


@dataclass(frozen=True)
class _Collection:
    torchvision_class: str  # also the name of its folder
    class_names: tuple[str, ...]


_CLOTHES = ("T-shirt/top", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker",
            "bag", "ankle boot")  # fmt: skip
_COLLECTIONS = {
    "mnist": _Collection("MNIST", tuple("0123456789")),
    "fashion-mnist": _Collection("FashionMNIST", _CLOTHES),
    "kmnist": _Collection("KMNIST", ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")),
}


def open_source(name: str, root: Path) -> Source:
    """The collection `name` from `root`/<torchvision's class>/raw; see `download.ensure`."""
    collection = _COLLECTIONS[name]
    files = [
        f"{collection.torchvision_class}/raw/{part}-{kind}-ubyte"
        for part in ("train", "t10k")
        for kind in ("images-idx3", "labels-idx1")
    ]

    def fetch(folder: Path) -> None:
        from torchvision import datasets

        getattr(datasets, collection.torchvision_class)(folder, download=True)

    paths = ensure(name, root, files, fetch)
    classes = len(collection.class_names)
    train, test = (
        _read_part(name, images_path, labels_path, classes)
        for images_path, labels_path in (paths[:2], paths[2:])
    )
    return Source(collection.class_names, train, test)


def _read_part(name: str, images_path: Path, labels_path: Path, classes: int) -> Part:
    images = _read(name, images_path, dimensions=3)
    labels = _read(name, labels_path, dimensions=1).long()
    if len(images) != len(labels):
        reason = f"has {len(labels):,} labels for the {len(images):,} images of {images_path.name}"
        raise damaged(name, labels_path, reason)
    if len(labels) and int(labels.max()) >= classes:
        raise damaged(name, labels_path, f"has labels above {classes - 1}")
    return in_memory(images[:, None], labels)


def _read(name: str, path: Path, dimensions: int) -> Tensor:
    """An IDX file of bytes: 0, 0, 8 (unsigned byte), the number of dimensions, each as uint32."""
    try:
        content = path.read_bytes()
        raw = bytearray(gzip.decompress(content) if path.suffix == ".gz" else content)
    except (OSError, EOFError, zlib.error) as error:
        raise damaged(name, path, f"cannot be read ({error})") from error
    header = 4 + 4 * dimensions
    if len(raw) < header or raw[:4] != bytes([0, 0, 8, dimensions]):
        kind = "images" if dimensions == 3 else "labels"
        raise damaged(name, path, f"is not an IDX file of {kind}")
    shape = [int.from_bytes(raw[start : start + 4], "big") for start in range(4, header, 4)]
    expected = header + math.prod(shape)
    if len(raw) != expected or expected == header:
        reason = f"is truncated or wrong: {len(raw):,} bytes where its header says {expected:,}"
        raise damaged(name, path, reason)
    return torch.frombuffer(raw, dtype=torch.uint8, offset=header).view(shape)
