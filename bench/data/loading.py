"""From a name and a seed to splits in the memory of a device."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import torch
from torch import Tensor

from bench.data.config import DataConfig
from bench.data.registry import open_source
from bench.data.source import Source
from bench.data.splits import EvaluationData, Pool, SearchData, Split
from bench.data.stratify import complement, stratified
from bench.errors import DataError

TEST_FRACTION = 0.2  # of a data set that has no official test part
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
    that are missing or damaged, ConfigurationError for an unknown name; each is one line.
    """
    source = open_source(config.name, data_root(root))
    pool_images, pool_labels, test_images, test_labels = _read(source, config)
    size = len(pool_labels)
    if size < 4:
        raise DataError(f"{config.name}: {size} training images cannot be split in three parts")
    held_out = min(max(round(config.validation_fraction * size), 1), size - 2)
    validation = stratified(pool_labels, held_out, "validation", config.split_seed)
    train = complement(validation, size)
    mean, std = (statistic.to(device) for statistic in channel_statistics(pool_images, train))
    pool = Pool(pool_images.to(device), pool_labels.to(device), mean, std)
    test_pool = Pool(test_images.to(device), test_labels.to(device), mean, std)
    channels, height, width = pool_images.shape[1:]
    search = SearchData(
        name=config.name,
        class_names=source.class_names,
        shape=(channels, height, width),
        digest=digest(pool_images, pool_labels, test_images, test_labels),
        train=Split(pool, train.to(device)),
        validation=Split(pool, validation.to(device)),
        split_seed=config.split_seed,
    )
    return EvaluationData(search, Split(test_pool, torch.arange(len(test_labels), device=device)))


def _read(source: Source, config: DataConfig) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Images and labels of the training pool and of the test part, each in its own memory."""
    seed = config.split_seed
    kept = torch.arange(len(source.train.labels))
    if source.test is None:
        test = source.train
        test_kept = stratified(test.labels, round(TEST_FRACTION * len(kept)), "test", seed)
        kept = complement(test_kept, len(kept))
    else:
        test = source.test
        test_kept = torch.arange(len(test.labels))
    kept = _limit(kept, source.train.labels, config.train_limit, "train limit", seed)
    test_kept = _limit(test_kept, test.labels, config.test_limit, "test limit", seed)
    images = source.train.read(kept, config.size)
    test_images = test.read(test_kept, config.size)
    if images.shape[1] != test_images.shape[1]:  # one is grey throughout, the other is not
        images = images.expand(-1, 3, -1, -1).contiguous()
        test_images = test_images.expand(-1, 3, -1, -1).contiguous()
    if images.shape[1:] != test_images.shape[1:]:
        sizes = [f"{part.shape[3]}x{part.shape[2]}" for part in (images, test_images)]
        raise DataError(
            f"{config.name}: training images have {sizes[0]} pixels, test images {sizes[1]}; "
            "set data.size to resize all images"
        )
    return images, source.train.labels[kept], test_images, test.labels[test_kept]


def _limit(kept: Tensor, labels: Tensor, limit: int | None, *seed: object) -> Tensor:
    if limit is None or limit >= len(kept):
        return kept
    return kept[stratified(labels[kept], limit, *seed)]


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
