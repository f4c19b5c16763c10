"""Small data sets laid out in temporary folders, and the real ones where they are at hand."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.idx_files import idx_arrays, idx_bytes

IDX_FOLDERS = {"mnist": "MNIST", "fashion-mnist": "FashionMNIST", "kmnist": "KMNIST"}


@pytest.fixture
def real_root() -> Path:
    """The folder of BENCH_DATA with real files; without it the test is skipped."""
    value = os.environ.get("BENCH_DATA")
    if not value:
        pytest.skip("BENCH_DATA does not name a folder of real data sets")
    return Path(value)


@pytest.fixture
def idx_root(tmp_path: Path) -> Callable[..., Path]:
    """Lays out a collection as torchvision does; `packed` gzips the files."""

    def lay_out(name: str = "mnist", packed: bool = False) -> Path:
        folder = tmp_path / "root" / IDX_FOLDERS[name] / "raw"
        folder.mkdir(parents=True)
        for file, array in idx_arrays().items():
            content = idx_bytes(array)
            path = folder / (file + ".gz" if packed else file)
            path.write_bytes(gzip.compress(content) if packed else content)
        return tmp_path / "root"

    return lay_out


@pytest.fixture
def image_folder(tmp_path: Path) -> Callable[..., Path]:
    """Lays out PNG files of random pixels: per class, `train` and `test` of them."""

    def lay_out(
        train: int = 20,
        test: int = 10,
        classes: tuple[str, ...] = ("cat", "dog"),
        mode: str = "RGB",
        size: tuple[int, int] = (8, 8),
    ) -> Path:
        random = np.random.default_rng(0)
        width, height = size
        shape = (height, width, 3) if mode == "RGB" else (height, width)
        for part, count in (("train", train), ("test", test)):
            for name in classes:
                folder = tmp_path / "images" / part / name
                folder.mkdir(parents=True)
                for index in range(count):
                    # test pixels are 200 or more, training pixels below
                    low, high = (200, 256) if part == "test" else (0, 200)
                    pixels = random.integers(low, high, shape, dtype=np.uint8)
                    Image.fromarray(pixels).save(folder / f"{index:03}.png")
        return tmp_path / "images"

    return lay_out
