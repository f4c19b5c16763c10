"""Street View House Numbers, cropped digits: two MATLAB files directly under the data root."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from bench.data.download import damaged, ensure
from bench.data.source import Part, Source, in_memory
from bench.errors import DataError


def open_source(name: str, root: Path) -> Source:
    """SVHN from `root`/{train,test}_32x32.mat, read only when their checksums are as published."""
    try:
        from torchvision.datasets import SVHN
        from torchvision.datasets.utils import check_integrity
    except ImportError as error:
        raise DataError(f"{name}: needs torchvision: pip install torchvision") from error

    def fetch(folder: Path) -> None:
        for split in ("train", "test"):
            SVHN(folder, split=split, download=True)

    entries = [SVHN.split_list[split] for split in ("train", "test")]
    paths = ensure(name, root, [file for _, file, _ in entries], fetch)
    for path, (_, _, checksum) in zip(paths, entries, strict=True):
        if not check_integrity(path, checksum):
            raise damaged(name, path, "is truncated or wrong (its checksum differs)")
    return Source(tuple("0123456789"), _read_part(paths[0]), _read_part(paths[1]))


def _read_part(path: Path) -> Part:
    try:
        from scipy.io import loadmat
    except ImportError as error:
        raise DataError("svhn: reading .mat files needs scipy: pip install scipy") from error
    content = loadmat(path)
    images = np.ascontiguousarray(content["X"].transpose(3, 2, 0, 1))
    labels = content["y"].astype(np.int64).reshape(-1) % 10  # the file's class 10 is the digit 0
    return in_memory(torch.from_numpy(images), torch.from_numpy(labels))
