"""IDX files made by hand, for the tests of MNIST and its successors."""

from __future__ import annotations

import numpy as np


def idx_bytes(array: np.ndarray) -> bytes:
    header = bytes([0, 0, 8, array.ndim])
    return header + b"".join(n.to_bytes(4, "big") for n in array.shape) + array.tobytes()


def idx_arrays() -> dict[str, np.ndarray]:
    """60 training and 30 test images of 10 classes, 6x5, keyed by file name."""
    random = np.random.default_rng(0)
    return {
        "train-images-idx3-ubyte": random.integers(0, 256, (60, 6, 5), dtype=np.uint8),
        "train-labels-idx1-ubyte": np.tile(np.arange(10, dtype=np.uint8), 6),
        "t10k-images-idx3-ubyte": random.integers(0, 256, (30, 6, 5), dtype=np.uint8),
        "t10k-labels-idx1-ubyte": np.tile(np.arange(10, dtype=np.uint8), 3),
    }
