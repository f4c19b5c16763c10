"""What a data set is before it is limited, split and moved to a device."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from torch import Tensor

from bench.data.resizing import Sizing

CHUNK = 4096  # images


@dataclass(frozen=True)
class Part:
    """The training or the test images of a source.

    labels: int64 [n]. `read(positions, sizing)` gives the images at `positions` (int64 [k]) as
    uint8 [k, channels, height, width] in memory of their own, resized unless `sizing` is None.
    Only what is read needs to be decoded. `shape()` is (channels, height, width) of the first image
    before it is resized, found without decoding it; None where the image is damaged.
    `identify(positions)` is a text that changes when these images do; None where nothing tells.
    """

    labels: Tensor
    read: Callable[[Tensor, Sizing | None], Tensor]
    shape: Callable[[], tuple[int, ...] | None]
    identify: Callable[[Tensor], str] | None = None


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
    """A data set's classes and parts; `test` is None where there is no official test part.

    place: where its files are, as text; empty where that is not known.
    """

    class_names: tuple[str, ...]
    train: Part
    test: Part | None
    remarks: Remarks = field(default_factory=Remarks)
    place: str = ""


def in_memory(images: Tensor, labels: Tensor) -> Part:
    """A part whose images, uint8 [n, channels, height, width], are decoded already."""

    def read(positions: Tensor, sizing: Sizing | None) -> Tensor:
        selected = images[positions]
        return selected if sizing is None else sizing.apply(selected)

    def identify(positions: Tensor) -> str:
        content = hashlib.sha256()
        for some in positions.split(CHUNK):
            content.update(images[some].numpy().data)
        return content.hexdigest()

    return Part(labels, read, lambda: tuple(images.shape[1:]), identify)
