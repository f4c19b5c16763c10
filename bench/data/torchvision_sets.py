"""CIFAR-10, CIFAR-100 and SVHN, read by torchvision if their checksums are the published ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch

from bench.data.download import damaged, ensure
from bench.data.source import Source, in_memory
from bench.errors import DataError

WRONG = "is truncated or wrong (its checksum differs)"


def open_source(name: str, root: Path) -> Source:
    """CIFAR from `root`/<torchvision's folder> or its .tar.gz in `root`; SVHN's .mat files in it.

    Raises DataError, in one line, for files that are missing or damaged.
    """
    try:
        from torchvision import datasets

        if name == "svhn":
            return _open_svhn(root, datasets.SVHN)
        cifar = datasets.CIFAR10 if name == "cifar10" else datasets.CIFAR100
        return _open_cifar(name, root, cifar)
    except ImportError as error:  # torchvision, or scipy, with which it reads SVHN
        raise DataError(f"{name}: needs {error.name}: pip install {error.name}") from error


def _open_cifar(name: str, root: Path, published: Any) -> Source:
    from torchvision.datasets.utils import check_integrity

    meta = [published.meta["filename"], published.meta["md5"]]
    checksums = {
        f"{published.base_folder}/{file}": checksum
        for file, checksum in (*published.train_list, *published.test_list, meta)
    }

    def fetch(folder: Path) -> None:
        archive = root / published.filename
        if archive.is_file():
            if not check_integrity(archive, published.tgz_md5):
                raise damaged(name, archive, WRONG)
            (folder / archive.name).symlink_to(archive.resolve())
        published(folder, download=True)

    readers = [partial(published, root, train=train) for train in (True, False)]
    train, test = _read(name, root, checksums, fetch, readers)
    train_part, test_part = (
        in_memory(torch.from_numpy(part.data).permute(0, 3, 1, 2), torch.tensor(part.targets))
        for part in (train, test)
    )
    return Source(tuple(train.classes), train_part, test_part)


def _open_svhn(root: Path, published: Any) -> Source:
    splits = ("train", "test")
    checksums = {file: md5 for _, file, md5 in map(published.split_list.__getitem__, splits)}

    def fetch(folder: Path) -> None:
        for split in splits:
            published(folder, split=split, download=True)

    readers = [partial(published, root, split=split) for split in splits]
    train, test = (
        in_memory(torch.from_numpy(part.data).contiguous(), torch.from_numpy(part.labels))
        for part in _read("svhn", root, checksums, fetch, readers)
    )
    return Source(tuple("0123456789"), train, test)


def _read(
    name: str,
    root: Path,
    checksums: Mapping[str, str],
    fetch: Callable[[Path], object],
    readers: Sequence[Callable[[], Any]],
) -> list[Any]:
    """What torchvision's readers return; it says that a file is wrong, but not which."""
    from torchvision.datasets.utils import check_integrity

    ensure(name, root, list(checksums), fetch)
    try:
        return [reader() for reader in readers]
    except RuntimeError as error:
        for file, checksum in checksums.items():
            if not check_integrity(root / file, checksum):
                raise damaged(name, root / file, WRONG) from error
        raise
