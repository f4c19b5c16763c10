"""Which images of a source become training, validation and test images, decided by labels alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from bench.data.config import DataConfig
from bench.data.source import Part, Source
from bench.data.stratify import complement, stratified
from bench.errors import DataError

TEST_FRACTION = 0.2  # of a data set that has no official test part


@dataclass(frozen=True)
class Division:
    """A source's images by what they are used for.

    pool: positions in `source.train` of training and validation images, int64; train, validation:
    positions in the pool, int64; test: positions in `test_part`, int64.
    """

    source: Source
    test_part: Part
    pool: Tensor
    train: Tensor
    validation: Tensor
    test: Tensor

    @property
    def pool_labels(self) -> Tensor:
        """Labels of the pool, int64 [len(pool)]."""
        return self.source.train.labels[self.pool]

    @property
    def test_labels(self) -> Tensor:
        """Labels of the test images, int64 [len(test)]."""
        return self.test_part.labels[self.test]

    def count(self) -> Iterator[tuple[str, Tensor]]:
        """Each part's name and its images by class, int64 [classes]."""
        classes = len(self.source.class_names)
        pool = self.pool_labels
        yield "training", torch.bincount(pool[self.train], minlength=classes)
        yield "validation", torch.bincount(pool[self.validation], minlength=classes)
        yield "test", torch.bincount(self.test_labels, minlength=classes)


def divide(source: Source, config: DataConfig) -> Division:
    """Split off the test images where the source has none, limit both, hold out validation images.

    A pure function of the labels and `config`. Raises DataError where there are fewer than two
    classes, or where a class is without a training, a validation or a test image: nothing sound
    could be said of it.
    """
    seed = config.split_seed
    labels = source.train.labels
    kept = torch.arange(len(labels))
    if len(source.class_names) < 2:
        raise DataError(f"{config.name}: has one class: there must be at least two")
    if source.test is None:
        test_part = source.train
        test = stratified(labels, round(TEST_FRACTION * len(kept)), "test", seed)
        kept = complement(test, len(kept))
    else:
        test_part = source.test
        test = torch.arange(len(test_part.labels))
    pool = _limit(kept, labels, config.train_limit, "train limit", seed)
    test = _limit(test, test_part.labels, config.test_limit, "test limit", seed)
    size = len(pool)
    if size < 4:
        raise DataError(f"{config.name}: {size} training images cannot be split in three parts")
    held_out = min(max(round(config.validation_fraction * size), 1), size - 2)
    validation = stratified(labels[pool], held_out, "validation", seed)
    train = complement(validation, size)
    division = Division(source, test_part, pool, train, validation, test)
    _check_classes(division, config)
    return division


def _limit(kept: Tensor, labels: Tensor, limit: int | None, *seed: object) -> Tensor:
    if limit is None or limit >= len(kept):
        return kept
    return kept[stratified(labels[kept], limit, *seed)]


def _check_classes(division: Division, config: DataConfig) -> None:
    names = division.source.class_names
    for part, counts in division.count():
        absent = torch.nonzero(counts == 0).flatten().tolist()
        if absent:
            more = f" and {len(absent) - 1} more" if len(absent) > 1 else ""
            raise DataError(
                f"{config.name}: class {names[absent[0]]!r}{more} has none of the"
                f" {int(counts.sum()):,} {part} images of {len(names)} classes;"
                f" {_advise(division, config, part, absent[0])}"
            )


def _advise(division: Division, config: DataConfig, part: str, label: int) -> str:
    """How a class without an image in a part gets one."""
    source = division.source
    whole = source.test if part == "test" and source.test is not None else source.train
    count = int((whole.labels == label).sum())
    if part == "test" and source.test is not None and not count:
        return "add some, or leave the class out"
    limit, value = "train_limit", config.train_limit
    if part == "test":
        limit, value = "test_limit", config.test_limit
    if value is not None and value < len(whole.labels):
        return f"raise data.{limit}, which is {value}"
    if part == "validation" and count >= 3:
        return f"raise data.validation_fraction, which is {config.validation_fraction:g}"
    return f"it has {count} image{'s' * (count != 1)} for all parts: add some"
