"""The embedded default: the handwritten digits that come with scikit-learn."""

from __future__ import annotations

from pathlib import Path

import torch

from bench.data.source import Source, in_memory
from bench.errors import DataError


def open_source(name: str, root: Path) -> Source:
    """1,797 images, 8x8, 17 grey levels spread over 0 to 255; needs no file under `root`."""
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise DataError(f"{name}: comes with scikit-learn: pip install scikit-learn") from error
    digits = load_digits()
    images = torch.from_numpy(digits.images * (255 / 16)).round().to(torch.uint8)
    labels = torch.from_numpy(digits.target).long()
    return Source(tuple("0123456789"), in_memory(images[:, None], labels), None)
