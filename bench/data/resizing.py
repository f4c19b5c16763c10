"""Resizing of whole image sets."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

CHUNK_BYTES = 1 << 24


def resize(images: Tensor, size: int) -> Tensor:
    """uint8 [n, channels, height, width] as uint8 [n, channels, size, size].

    Antialiased bilinear, rounded to the nearest, in chunks so that little memory is needed.
    """
    count, channels, height, width = images.shape
    if (height, width) == (size, size):
        return images
    resized = torch.empty(count, channels, size, size, dtype=torch.uint8)
    step = max(1, CHUNK_BYTES // (channels * height * width))
    for start in range(0, count, step):
        chunk = images[start : start + step].float()
        smooth = F.interpolate(
            chunk, size=(size, size), mode="bilinear", align_corners=False, antialias=True
        )
        resized[start : start + step] = smooth.round_().clamp_(0, 255)
    return resized
