"""Resizing of whole image sets."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

CHUNK_BYTES = 1 << 24


@dataclass(frozen=True)
class Sizing:
    """Images become side x side pixels; crop: by their middle square, instead of stretched."""

    side: int
    crop: bool = False

    def apply(self, images: Tensor) -> Tensor:
        """uint8 [n, channels, height, width] as uint8 [n, channels, side, side]."""
        if not self.crop:
            return resize(images, self.side)
        height, width = images.shape[2:]
        short = min(height, width)
        scaled = [self.side * length // short for length in (height, width)]
        return centre(resize(images, scaled[0], scaled[1]), self.side)


def resize(images: Tensor, height: int, width: int | None = None) -> Tensor:
    """uint8 [n, channels, h, w] as uint8 [n, channels, height, width]; a square without `width`.

    Antialiased bilinear, rounded to the nearest, in chunks so that little memory is needed.
    """
    width = height if width is None else width
    count, channels, *sides = images.shape
    if sides == [height, width]:
        return images
    resized = torch.empty(count, channels, height, width, dtype=torch.uint8)
    step = max(1, CHUNK_BYTES // (channels * sides[0] * sides[1]))
    for start in range(0, count, step):
        chunk = images[start : start + step].float()
        smooth = F.interpolate(
            chunk, size=(height, width), mode="bilinear", align_corners=False, antialias=True
        )
        resized[start : start + step] = smooth.round_().clamp_(0, 255)
    return resized


def centre(images: Tensor, side: int) -> Tensor:
    """The middle side x side pixels of [n, channels, height, width], as torchvision cuts them."""
    top, left = (round((length - side) / 2.0) for length in images.shape[2:])
    return images[:, :, top : top + side, left : left + side]
