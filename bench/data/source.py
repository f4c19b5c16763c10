"""What a data set is before it is limited, split and moved to a device."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from torch import Tensor

from bench.data.resizing import resize


@dataclass(frozen=True)
class Part:
    """The training or the test images of a source.

    labels: int64 [n]. `read(positions, size)` gives the images at `positions` (int64 [k]) as
    uint8 [k, channels, height, width] in memory of their own, resized to size x size unless
    `size` is None. Only what is read needs to be decoded.
    """

    labels: Tensor
    read: Callable[[Tensor, int | None], Tensor]


@dataclass(frozen=True)
class Remarks:
    """What has to be said of how a source is read.

    ignored: why files are not read -> how many; changed: what is done to images -> to how many of
    those that were read; notes: anything else, a few words each.
    """

    ignored: Counter[str] = field(default_factory=Counter)
    changed: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Source:
    """A data set's classes and parts; `test` is None where there is no official test part."""

    class_names: tuple[str, ...]
    train: Part
    test: Part | None
    remarks: Remarks = field(default_factory=Remarks)


def in_memory(images: Tensor, labels: Tensor) -> Part:
    """A part whose images, uint8 [n, channels, height, width], are decoded already."""

    def read(positions: Tensor, size: int | None) -> Tensor:
        selected = images[positions]
        return selected if size is None else resize(selected, size)

    return Part(labels, read)
