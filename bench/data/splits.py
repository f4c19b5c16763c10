"""Splits of a data set, whose batches are on a device; what search and evaluation are handed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor

from bench import seeds
from bench.data.augmentation import Augmentation
from bench.data.facts import Facts
from bench.data.resizing import centre
from bench.data.storage.sending import gather, send


class Batch(NamedTuple):
    """Normalised images, float32 [batch, channels, height, width], and labels, int64 [batch]."""

    images: Tensor
    labels: Tensor


@dataclass(frozen=True, eq=False)
class Pool:
    """Images that several splits share, for use on one device.

    images: uint8 [n, channels, height, width], on that device, or, if `streamed`, in host memory or
    a mapped file; labels: int64 [n]; mean, std: float32 [channels], in units of raw pixels (0 to
    255); crop: side of the middle square that networks see, pixels; None: all of an image.
    """

    images: Tensor
    labels: Tensor
    mean: Tensor
    std: Tensor
    crop: int | None = None
    streamed: bool = False

    @property
    def shape(self) -> tuple[int, int, int]:
        """(channels, height, width) of what networks see."""
        channels, height, width = self.images.shape[1:]
        return (channels, *((self.crop, self.crop) if self.crop else (height, width)))

    def take(self, rows: Tensor) -> Tensor:
        """The raw images at `rows`, int64 [batch] on the device, on the device.

        Waits for the device if they are streamed; `Split.epoch` and `Split.sequential` do not.
        """
        if not self.streamed:
            return self.images[rows]
        return gather(self.images, rows.cpu()).to(self.labels.device)

    def cut(self, images: Tensor) -> Tensor:
        """The middle of images that are larger than what networks see."""
        if self.crop is None or tuple(images.shape[2:]) == (self.crop, self.crop):
            return images
        return centre(images, self.crop)

    def normalise(self, images: Tensor) -> Tensor:
        """Raw images [batch, channels, height, width] as float32 of mean 0 and deviation 1."""
        return (images.float() - self.mean[:, None, None]) / self.std[:, None, None]


@dataclass(frozen=True, eq=False)
class Split:
    """Some of a pool's images: `indices`, int64 [len], on the pool's device."""

    pool: Pool
    indices: Tensor

    def __len__(self) -> int:
        return len(self.indices)

    @property
    def labels(self) -> Tensor:
        """The split's labels in order, int64 [len]."""
        return self.pool.labels[self.indices]

    @property
    def device(self) -> torch.device:
        """Where the images and the batches are."""
        return self.indices.device

    def steps(self, batch_size: int) -> int:
        """Batches of one epoch: only complete ones, except that there is always one."""
        return max(1, len(self) // batch_size)

    def select(
        self,
        positions: Tensor,
        generator: torch.Generator | None = None,
        augmentation: Augmentation | None = None,
    ) -> Batch:
        """The batch at `positions`, int64 [batch], each in range(len(self)), on the device.

        Shapes depend on the arguments' shapes only, and where images are on the device nothing
        waits for it. Raises ValueError for an augmentation without a generator.
        """
        rows = self.indices[positions]
        return self._finish(self.pool.take(rows), rows, generator, augmentation)

    def _finish(
        self,
        images: Tensor,
        rows: Tensor,
        generator: torch.Generator | None,
        augmentation: Augmentation | None,
    ) -> Batch:
        pool, labels = self.pool, self.pool.labels[rows]
        if augmentation is None:
            return Batch(pool.normalise(pool.cut(images)), labels)
        if generator is None:
            raise ValueError("augmentation needs a generator on the split's device")
        images = pool.normalise(pool.cut(augmentation.move(images, generator)))
        return Batch(augmentation.erase(images, generator), labels)

    def _batches(
        self,
        positions: Sequence[Tensor],
        generator: torch.Generator | None = None,
        augmentation: Augmentation | None = None,
    ) -> Iterator[Batch]:
        """The batches at positions in host memory, which are sent ahead of their use."""
        batches = [self._host_indices[some] for some in positions]
        images = self.pool.images
        sent = send(self.pool.cut(images) if augmentation is None else images, batches, self.device)
        for rows, images in zip(batches, sent, strict=True):
            rows = rows.to(self.device, non_blocking=True)
            yield self._finish(images, rows, generator, augmentation)

    @cached_property
    def _host_indices(self) -> Tensor:
        return self.indices.cpu()

    def order(self, seed: int, epoch: int) -> Tensor:
        """A permutation of range(len(self)) on the device; the same on every kind of device."""
        return self._order(seed, epoch).to(self.device, non_blocking=True)

    def _order(self, seed: int, epoch: int) -> Tensor:
        generator = seeds.generator("cpu", "batch order", seed, epoch)
        return torch.randperm(len(self), generator=generator)

    def epoch(
        self, batch_size: int, seed: int, epoch: int, augmentation: Augmentation | None = None
    ) -> Iterator[Batch]:
        """One shuffled pass of `steps(batch_size)` batches: a pure function of (seed, epoch)."""
        generator = seeds.generator(self.device, "augmentation", seed, epoch)
        steps = self.steps(batch_size)
        if self.pool.streamed:
            positions = self._order(seed, epoch).split(batch_size)[:steps]
            yield from self._batches(positions, generator, augmentation)
            return
        order = self.order(seed, epoch)
        for step in range(steps):
            positions = order[step * batch_size : (step + 1) * batch_size]
            yield self.select(positions, generator, augmentation)

    def spread(self, count: int) -> Batch:
        """`count` images (or all, if there are fewer) evenly spread over the split's order."""
        count = min(len(self), count)
        positions = torch.linspace(0, len(self) - 1, count, device=self.device)
        return self.select(positions.round().long())

    def mixed(self) -> Split:
        """The same images in one fixed shuffled order.

        For networks that normalise by the batch that they see: many data sets are stored class by
        class, and a batch of one class has statistics of its own.
        """
        return Split(self.pool, self.indices[self.order(0, 0)])

    def sequential(self, batch_size: int) -> Iterator[Batch]:
        """All images in order, not augmented; the last batch may be smaller."""
        if self.pool.streamed:
            yield from self._batches(torch.arange(len(self)).split(batch_size))
            return
        positions = torch.arange(len(self), device=self.device)
        for start in range(0, len(self), batch_size):
            yield self.select(positions[start : start + batch_size])


@dataclass(frozen=True, eq=False)
class SearchData:
    """What search, selection and tuning receive. Nothing here leads to a test image or label.

    shape is (channels, height, width); digest is the SHA-256, in hex, of all images and labels
    used, those of the test part included.
    """

    name: str
    class_names: tuple[str, ...]
    shape: tuple[int, int, int]
    digest: str
    train: Split
    validation: Split
    split_seed: int = 0

    @property
    def classes(self) -> int:
        """The number of classes."""
        return len(self.class_names)

    @cached_property
    def _halves(self) -> tuple[Split, Split]:
        size = len(self.train)
        order = torch.randperm(size, generator=seeds.generator("cpu", "halves", self.split_seed))
        half = (size + 1) // 2
        first, second = (
            Split(self.train.pool, self.train.indices[part.sort().values.to(self.train.device)])
            for part in (order[:half], order[half:])
        )
        return first, second

    def part(self, name: str) -> Split:
        """A split by name: train, validation, or a half of train: weights or architecture.

        The halves are disjoint and drawn by the split seed. Raises ValueError for another name.
        """
        match name:
            case "train":
                return self.train
            case "validation":
                return self.validation
            case "weights":
                return self._halves[0]
            case "architecture":
                return self._halves[1]
        raise ValueError(f"no part {name!r}: train, weights, architecture, validation")


@dataclass(frozen=True, eq=False)
class EvaluationData:
    """What evaluation receives: what search had, and the test part in a pool of its own.

    facts: what there is to say of the data set; None where it was not read by `loading.load`.
    storage: where its images are held: device, host or disk.
    """

    search: SearchData
    test: Split
    facts: Facts | None = None
    storage: str = "device"

    @cached_property
    def _all(self) -> Split:
        train, validation = self.search.train, self.search.validation
        indices = torch.cat([train.indices, validation.indices]).sort().values
        return Split(train.pool, indices)

    def part(self, name: str) -> Split:
        """`all` (train and validation together) or a part of `search`."""
        return self._all if name == "all" else self.search.part(name)
