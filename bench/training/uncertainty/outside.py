"""Images of another data set, in the shape of the study's: what a network should not be sure of."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from bench.data.config import DataConfig
from bench.data.loading import data_root, digest
from bench.data.registry import open_source
from bench.data.resizing import Sizing
from bench.data.splits import Pool, Split
from bench.errors import DataError

Shape = tuple[int, int, int]
"""(channels, height, width)"""


@dataclass(frozen=True, eq=False)
class Outside:
    """Another data set's images; their labels, which mean nothing here, are all 0.

    facts: name, digest (SHA-256 of the images as they are used), images, changes (what was done to
    bring them to the study's shape).
    """

    split: Split
    facts: dict[str, Any] = field(default_factory=dict)


def load_outside(name: str, known: Split, root: Path | None) -> Outside:
    """As many images of the data set's test part as `known` has, normalised as `known` is.

    They are spread evenly over the part; a data set without a test part of its own gives of all its
    images. Raises DataError as `read_outside`, and where files are missing or damaged.
    """
    images, changes = read_outside(name, known.pool.shape, len(known), root)
    labels = torch.zeros(len(images), dtype=torch.int64, device=known.device)
    pool = Pool(images.to(known.device), labels, known.pool.mean, known.pool.std)
    split = Split(pool, torch.arange(len(images), device=known.device))
    facts = {"name": name, "digest": digest(images), "images": len(images), "changes": changes}
    return Outside(split, facts)


def read_outside(
    name: str, shape: Shape, at_most: int, root: Path | None
) -> tuple[torch.Tensor, list[str]]:
    """(images, uint8 [images, *shape]; what was done to bring them to that shape, in words).

    Grey images are repeated in the channels of a colour network. Other sizes are resized, as
    `data.size` does it, where `shape` is square. Raises DataError, in one line, for colour images
    where the network sees grey ones, and for another size where `shape` is not square.
    """
    channels, height, width = shape
    source = open_source(DataConfig(name=name), data_root(root))
    part = source.train if source.test is None else source.test
    count = min(at_most, len(part.labels))
    positions = torch.linspace(0, len(part.labels) - 1, count).round().long()
    first = part.read(positions[:1], None)
    sizing = None if first.shape[-2:] == (height, width) else Sizing(height)
    where = f"evaluation.uncertainty.outside: {name} has images of"
    if sizing is not None and height != width:
        raise DataError(
            f"{where} {first.shape[-1]}x{first.shape[-2]} pixels, the study {width}x{height}:"
            " set data.size, so that all become square"
        )
    images = part.read(positions, sizing)
    changes = []
    if sizing is not None:
        sides = f"{first.shape[-1]}x{first.shape[-2]} to {width}x{height}"
        changes.append(f"resized from {sides} pixels (antialiased bilinear)")
    if images.shape[1] != channels:
        if images.shape[1] != 1:
            raise DataError(
                f"{where} {images.shape[1]} channels, the study's have {channels}: choose a data"
                f" set of {'grey' if channels == 1 else 'colour'} images"
            )
        images = images.expand(-1, channels, -1, -1).contiguous()
        changes.append(f"grey repeated in {channels} channels")
    return images, changes
