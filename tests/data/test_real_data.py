"""The real files under BENCH_DATA, where they are; see the README for how to get them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from bench.data.config import DataConfig
from bench.data.loading import load

CPU = torch.device("cpu")


def require(path: Path) -> None:
    if not path.exists():
        pytest.skip(f"no {path}")


@pytest.mark.parametrize(
    ("name", "folder"), [("mnist", "MNIST"), ("fashion-mnist", "FashionMNIST")]
)
def test_official_sizes_and_statistics(real_root: Path, name: str, folder: str) -> None:
    require(real_root / folder / "raw")
    data = load(DataConfig(name=name), real_root, CPU)
    assert [len(data.search.train), len(data.search.validation)] == [48000, 12000]
    assert len(data.test) == 10000 and data.search.shape == (1, 28, 28)
    published = {"mnist": (0.1307, 0.3081), "fashion-mnist": (0.2860, 0.3530)}[name]
    pool = data.search.train.pool
    assert float(pool.mean) / 255 == pytest.approx(published[0], abs=2e-3)
    assert float(pool.std) / 255 == pytest.approx(published[1], abs=2e-3)


def test_a_nearest_class_mean_tells_limited_small_clothes_apart(real_root: Path) -> None:
    """Images and labels still belong together after limiting and resizing."""
    require(real_root / "FashionMNIST" / "raw")
    config = DataConfig(name="fashion-mnist", train_limit=2000, test_limit=500, size=14)
    data = load(config, real_root, CPU)
    assert torch.bincount(data.test.labels).tolist() == [50] * 10
    (train,) = data.search.train.sequential(10000)
    (test,) = data.test.sequential(10000)
    means = torch.stack([train.images[train.labels == k].mean(0) for k in range(10)]).flatten(1)
    predicted = torch.cdist(test.images.flatten(1), means).argmin(1)
    assert float((predicted == test.labels).float().mean()) > 0.6


def test_the_cifar10_copy_as_an_image_folder(real_root: Path) -> None:
    require(real_root / "cifar10-jpeg")
    config = DataConfig(name="image-folder:cifar10-jpeg", train_limit=500, test_limit=100, size=16)
    data = load(config, real_root, CPU)
    assert data.search.shape == (3, 16, 16)
    assert data.search.class_names[0] == "airplane" and data.search.classes == 10
    assert torch.bincount(data.search.train.labels).tolist() == [40] * 10
    assert torch.bincount(data.test.labels).tolist() == [10] * 10
