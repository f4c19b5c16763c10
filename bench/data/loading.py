"""From a name and a seed to splits in the memory of a device."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import torch
from torch import Tensor

from bench.data.config import DataConfig
from bench.data.division import Division, divide
from bench.data.facts import Facts, inspect, outline
from bench.data.registry import open_source
from bench.data.splits import EvaluationData, Pool, SearchData, Split
from bench.errors import DataError

CHUNK = 4096  # images


def data_root(root: Path | None) -> Path:
    """Where data sets are: the argument, else the variable BENCH_DATA, else ~/.cache/bench-data.

    Raises DataError where nobody has that home folder.
    """
    if root is None:
        root = Path(os.environ.get("BENCH_DATA") or "~/.cache/bench-data")
    try:
        return root.expanduser()
    except RuntimeError as error:
        raise DataError(
            f"{root}: there is no such home folder; name another place with --data-root or"
            " BENCH_DATA"
        ) from error


def load(config: DataConfig, root: Path | None, device: torch.device) -> EvaluationData:
    """Read, limit, resize, split and move a data set to `device`.

    Splits are a pure function of the data and `config.split_seed`. Raises DataError for files
    that are missing or damaged and for what no sound experiment can be made of (`division`,
    `facts`), ConfigurationError for an unknown name; each is one line.
    """
    division = divide(open_source(config, data_root(root)), config)
    images, test_images = _read(division, config)
    labels, test_labels = division.pool_labels, division.test_labels
    facts = inspect(division, config, images, test_images)
    statistics = channel_statistics(images, division.train)
    mean, std = (statistic.to(device) for statistic in statistics)
    pool = Pool(images.to(device), labels.to(device), mean, std)
    test_pool = Pool(test_images.to(device), test_labels.to(device), mean, std)
    channels, height, width = images.shape[1:]
    search = SearchData(
        name=config.name,
        class_names=division.source.class_names,
        shape=(channels, height, width),
        digest=digest(images, labels, test_images, test_labels),
        train=Split(pool, division.train.to(device)),
        validation=Split(pool, division.validation.to(device)),
        split_seed=config.split_seed,
    )
    test = Split(test_pool, torch.arange(len(test_labels), device=device))
    return EvaluationData(search, test, facts)


def preview(config: DataConfig, root: Path | None) -> Facts:
    """What is known of a data set without decoding an image; raises as `load` does."""
    return outline(divide(open_source(config, data_root(root)), config), config)


def _read(division: Division, config: DataConfig) -> tuple[Tensor, Tensor]:
    """Images of the training pool and of the test part, each in its own memory."""
    images = division.source.train.read(division.pool, config.size)
    test_images = division.test_part.read(division.test, config.size)
    if images.shape[1] != test_images.shape[1]:  # one is grey throughout, the other is not
        images = images.expand(-1, 3, -1, -1).contiguous()
        test_images = test_images.expand(-1, 3, -1, -1).contiguous()
    if images.shape[1:] != test_images.shape[1:]:
        sizes = [f"{part.shape[3]}x{part.shape[2]}" for part in (images, test_images)]
        raise DataError(
            f"{config.name}: training images have {sizes[0]} pixels, test images {sizes[1]}; "
            "set data.size to resize all images"
        )
    return images, test_images


def channel_statistics(images: Tensor, indices: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation, float32 [channels], of the raw pixels (0 to 255) at `indices`.

    From exact counts of the 256 levels. A constant channel has deviation 1.
    """
    channels = images.shape[1]
    counts = torch.zeros(channels, 256, dtype=torch.int64)
    for some in indices.split(CHUNK):
        for channel in range(channels):
            counts[channel] += torch.bincount(images[some, channel].flatten(), minlength=256)
    levels = torch.arange(256, dtype=torch.float64)
    share = counts.double() / counts.sum(1, keepdim=True)
    mean = share @ levels
    std = (share * (levels - mean[:, None]) ** 2).sum(1).sqrt()
    return mean.float(), torch.where(std > 0, std, 1.0).float()


def digest(*tensors: Tensor) -> str:
    """SHA-256, in hex, of each tensor's type, shape and bytes in row-major order."""
    total = hashlib.sha256()
    for tensor in tensors:
        total.update(f"{tensor.dtype}{list(tensor.shape)}\n".encode())
        total.update(tensor.contiguous().numpy().data)
    return total.hexdigest()
