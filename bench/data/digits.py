"""The embedded default: the handwritten digits that come with scikit-learn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from bench.data.source import Source, in_memory
from bench.errors import DataError, one_line

FILE = "digits.csv.gz"
"""Scikit-learn's file, under its datasets/data: 64 pixels and a label per row."""


def open_source(name: str, root: Path) -> Source:
    """1,797 images, 8x8, 17 grey levels spread over 0 to 255.

    Needs no file under `root` where scikit-learn is installed; else its `FILE` there will do.
    """
    pixels, labels = _read(name, root)
    images = torch.from_numpy(pixels * (255 / 16)).round().to(torch.uint8)
    return Source(
        tuple("0123456789"), in_memory(images[:, None], torch.from_numpy(labels).long()), None
    )


def _read(name: str, root: Path) -> tuple[Any, Any]:
    """Pixels, float64 [images, 8, 8], from 0 to 16; labels, integers [images]."""
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        path = root / FILE
        if not path.is_file():
            raise DataError(
                f"{name}: comes with scikit-learn: pip install scikit-learn, or copy its"
                f" sklearn/datasets/data/{FILE} to {root}"
            ) from error
        return _read_file(path)
    digits = load_digits()
    return digits.images, digits.target


def _read_file(path: Path) -> tuple[Any, Any]:
    try:
        rows = np.loadtxt(path, delimiter=",")
        return rows[:, :64].reshape(-1, 8, 8), rows[:, 64].astype(np.int64)
    except (OSError, EOFError, ValueError, IndexError) as error:
        raise DataError(f"{path}: is not scikit-learn's {FILE}: {one_line(error)}") from error
