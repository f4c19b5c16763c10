"""From a name and a seed to splits whose batches are on a device."""

from __future__ import annotations

import hashlib
import math
import os
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from bench.data.config import DataConfig
from bench.data.division import Division, divide
from bench.data.facts import Facts, inspect, outline, pixel_facts, restore
from bench.data.registry import open_source
from bench.data.splits import EvaluationData, Pool, SearchData, Split
from bench.data.storage.cache import Cache, open_cache
from bench.data.storage.placement import Placement, choose
from bench.errors import DataError

CHUNK_BYTES = 1 << 20  # of a channel at a time; counting takes 8 times as much


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


@dataclass(frozen=True, eq=False)
class Survey:
    """What is found out about a data set's images by looking at all of them.

    mean, std: float32 [channels], of the training images; digest: see `SearchData`.
    """

    facts: Facts
    mean: Tensor
    std: Tensor
    digest: str


@dataclass(frozen=True, eq=False)
class Examined:
    """A data set that was read and found sound, before it goes to a device.

    images, test_images: uint8 [n, channels, height, width], in memory or in a mapped file.
    """

    division: Division
    images: Tensor
    test_images: Tensor
    survey: Survey
    placement: Placement
    shape: tuple[int, int, int]
    """(channels, height, width) of what networks see."""


def examine(
    config: DataConfig, root: Path | None, device: torch.device, threads: int | None = None
) -> Examined:
    """Read, limit, resize and look at a data set, whose images are to be used on `device`.

    Nothing is moved there. threads: of a trial, see `placement.choose`. Raises as `load` does.
    """
    place = data_root(root)
    division = divide(open_source(config, place), config)
    placement = choose(config.storage, estimate_bytes(division, config), device, threads)
    if placement.storage == "disk":
        cache = open_cache(division, config, place)
        images, test_images = cache.images, cache.test_images
        _check_sides(config, images, test_images)
        survey = _survey_once(cache, division, config)
    else:
        images, test_images = _read(division, config)
        survey = _survey(division, config, images, test_images)
    placement = replace(placement, bytes=images.numel() + test_images.numel())
    shape = find_shape(config, tuple(images.shape[1:]))
    return Examined(division, images, test_images, survey, placement, shape)


def load(config: DataConfig, root: Path | None, device: torch.device) -> EvaluationData:
    """Read, limit, resize and split a data set for use on `device`.

    Its images are moved there, or stay where `config.storage` says; splits and batches are the
    same. Splits are a pure function of the data and `config.split_seed`. Raises DataError for files
    that are missing or damaged and for what no sound experiment can be made of (`division`,
    `facts`), ConfigurationError for an unknown name; each is one line.
    """
    found = examine(config, root, device)
    division, survey = found.division, found.survey
    streamed = found.placement.storage != "device"

    def hold(images: Tensor, labels: Tensor) -> Pool:
        if not streamed:
            images = images.to(device)
        elif found.placement.storage == "host" and device.type == "cuda":
            images = images.pin_memory()
        mean, std = survey.mean.to(device), survey.std.to(device)
        return Pool(images, labels.to(device), mean, std, config.crop, streamed)

    pool = hold(found.images, division.pool_labels)
    test_pool = hold(found.test_images, division.test_labels)
    search = SearchData(
        name=config.name,
        class_names=division.source.class_names,
        shape=found.shape,
        digest=survey.digest,
        train=Split(pool, division.train.to(device)),
        validation=Split(pool, division.validation.to(device)),
        split_seed=config.split_seed,
    )
    test = Split(test_pool, torch.arange(len(division.test_labels), device=device))
    return EvaluationData(search, test, survey.facts, found.placement.storage)


def estimate_bytes(division: Division, config: DataConfig) -> int:
    """What the images take, going by the first one; 0 where it is damaged (reading says so)."""
    shape = division.source.train.shape()
    if shape is None:
        return 0
    channels, *sides = shape
    sides = [config.size, config.size] if config.size is not None else sides
    return (len(division.pool) + len(division.test)) * channels * math.prod(sides)


def find_shape(config: DataConfig, stored: tuple[int, ...]) -> tuple[int, int, int]:
    """(channels, height, width) of what networks see of images of such a shape.

    Raises DataError where the crop is larger than the images.
    """
    channels, height, width = stored
    if config.crop is None:
        return channels, height, width
    if config.crop > min(height, width):
        raise DataError(
            f"{config.name}: crop = {config.crop}: must be at most the images' {width}x{height}"
            " pixels"
        )
    return channels, config.crop, config.crop


def preview(config: DataConfig, root: Path | None) -> Facts:
    """What is known of a data set without decoding an image; raises as `load` does."""
    return outline(divide(open_source(config, data_root(root)), config), config)


def _read(division: Division, config: DataConfig) -> tuple[Tensor, Tensor]:
    """Images of the training pool and of the test part, each in its own memory."""
    images = division.source.train.read(division.pool, config.sizing)
    test_images = division.test_part.read(division.test, config.sizing)
    if images.shape[1] != test_images.shape[1]:  # one is grey throughout, the other is not
        images = images.expand(-1, 3, -1, -1).contiguous()
        test_images = test_images.expand(-1, 3, -1, -1).contiguous()
    _check_sides(config, images, test_images)
    return images, test_images


def _check_sides(config: DataConfig, images: Tensor, test_images: Tensor) -> None:
    if images.shape[1:] != test_images.shape[1:]:
        sizes = [f"{part.shape[3]}x{part.shape[2]}" for part in (images, test_images)]
        raise DataError(
            f"{config.name}: training images have {sizes[0]} pixels, test images {sizes[1]}; "
            "set data.size to resize all images"
        )


def _survey(division: Division, config: DataConfig, images: Tensor, test_images: Tensor) -> Survey:
    facts = inspect(division, config, images, test_images)
    mean, std = channel_statistics(images, division.train)
    total = digest(images, division.pool_labels, test_images, division.test_labels)
    return Survey(facts, mean, std, total)


def _survey_once(cache: Cache, division: Division, config: DataConfig) -> Survey:
    """The survey of images in a cache, which is kept beside them."""
    key = digest(division.train, division.validation)
    known = cache.read_survey(key)
    if known is not None:
        facts = restore(outline(division, config), known["facts"])
        mean, std = torch.tensor(known["mean"]), torch.tensor(known["std"])
        return Survey(facts, mean, std, known["digest"])
    survey = _survey(division, config, cache.images, cache.test_images)
    statistics = {"mean": survey.mean.tolist(), "std": survey.std.tolist()}
    cache.keep_survey(
        key, {"facts": pixel_facts(survey.facts), **statistics, "digest": survey.digest}
    )
    return survey


def channel_statistics(images: Tensor, indices: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation, float32 [channels], of the raw pixels (0 to 255) at `indices`.

    From exact counts of the 256 levels. A constant channel has deviation 1.
    """
    channels = images.shape[1]
    counts = torch.zeros(channels, 256, dtype=torch.int64)
    for some in indices.split(max(1, CHUNK_BYTES // math.prod(images.shape[2:]))):
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
