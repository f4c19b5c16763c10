"""CIFAR-10 and CIFAR-100: pickled batches, read only when their checksum is the published one."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bench.data.download import damaged, ensure
from bench.data.source import Part, Source, in_memory
from bench.errors import DataError


def open_source(name: str, root: Path) -> Source:
    """CIFAR from `root`/<torchvision's folder>, or from its .tar.gz in `root`."""
    try:
        from torchvision import datasets
        from torchvision.datasets.utils import check_integrity
    except ImportError as error:
        raise DataError(f"{name}: needs torchvision: pip install torchvision") from error
    published: Any = {"cifar10": datasets.CIFAR10, "cifar100": datasets.CIFAR100}[name]
    lists = [published.train_list, published.test_list]
    checksums = dict(lists[0] + lists[1] + [[published.meta["filename"], published.meta["md5"]]])

    def fetch(folder: Path) -> None:
        archive = root / published.filename
        if archive.is_file():
            if not check_integrity(archive, published.tgz_md5):
                raise damaged(name, archive, "is truncated or wrong (its checksum differs)")
            (folder / archive.name).symlink_to(archive.resolve())
        published(folder, download=True)

    files = [f"{published.base_folder}/{file}" for file in checksums]
    paths = ensure(name, root, files, fetch)
    for path in paths:
        if not check_integrity(path, checksums.get(path.name)):
            raise damaged(name, path, "is truncated or wrong (its checksum differs)")
    by_name = {path.name: path for path in paths}
    class_names = _unpickle(by_name[published.meta["filename"]])[published.meta["key"]]
    train, test = (_read_part([by_name[file] for file, _ in entries]) for entries in lists)
    return Source(tuple(class_names), train, test)


def _read_part(paths: list[Path]) -> Part:
    batches = [_unpickle(path) for path in paths]
    images = np.concatenate([batch["data"] for batch in batches]).reshape(-1, 3, 32, 32)
    key = "labels" if "labels" in batches[0] else "fine_labels"
    labels = [label for batch in batches for label in batch[key]]
    return in_memory(torch.from_numpy(images), torch.tensor(labels, dtype=torch.int64))


def _unpickle(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        content: dict[str, Any] = pickle.load(file, encoding="latin1")
    return content
