"""Random boxes of a batch's images, resampled to one size (torchvision's RandomResizedCrop)."""

from __future__ import annotations

import math

import torch
from torch import Tensor

ASPECTS = (3 / 4, 4 / 3)
"""Widths over heights of the boxes, uniform in the logarithm."""
TRIES = 10


def draw_boxes(
    count: int, height: int, width: int, share: float, generator: torch.Generator
) -> Tensor:
    """int64 [count, 4]: top, left, height and width of a box in each of so many images, pixels.

    A box has a share of the area that is uniform from `share` to 1, and an aspect of ASPECTS. The
    first of TRIES that fits is taken, and where none does the largest middle one of these aspects.
    All numbers are drawn at once, so that none of them is waited for.
    """
    device = generator.device
    areas, aspects, tops, lefts = torch.rand(4, TRIES, count, generator=generator, device=device)
    area = height * width * (share + (1 - share) * areas)
    low, high = math.log(ASPECTS[0]), math.log(ASPECTS[1])
    aspect = torch.exp(low + (high - low) * aspects)
    widths, heights = (area * aspect).sqrt().round(), (area / aspect).sqrt().round()
    fits = (widths >= 1) & (heights >= 1) & (widths <= width) & (heights <= height)
    first = fits.int().argmax(0, keepdim=True)
    found = [one.gather(0, first)[0] for one in (heights, widths, tops, lefts)]
    rows, columns, top, left = found
    boxes = torch.stack(
        [(top * (height - rows + 1)).floor(), (left * (width - columns + 1)).floor(), rows, columns]
    )
    whole = torch.tensor(_fall_back(height, width), device=device, dtype=boxes.dtype)
    return torch.where(fits.any(0), boxes, whole[:, None]).long().T


def resample(images: Tensor, boxes: Tensor, height: int, width: int) -> Tensor:
    """The boxes of images [batch, channels, h, w] as float32 [batch, channels, height, width].

    Bilinear and antialiased, as torch's `interpolate` on each box: two products with matrices of
    weights, whose entries are a triangle's that is as wide as two pixels of the coarser grid.
    """
    top, left, rows, columns = boxes.T
    down = _weights(top, rows, images.shape[2], height)
    across = _weights(left, columns, images.shape[3], width)
    return down[:, None] @ images.float() @ across[:, None].transpose(2, 3)


def _weights(start: Tensor, length: Tensor, size: int, count: int) -> Tensor:
    """float32 [batch, count, size]: what each of `count` pixels takes of each of `size`.

    start, length: int64 [batch], of the stretch of the `size` pixels that is resampled.
    """
    scale = (length.double() / count)[:, None, None]
    support = scale.clamp(min=1.0)
    target = torch.arange(count, device=start.device, dtype=torch.float64)[None, :, None]
    source = torch.arange(size, device=start.device, dtype=torch.float64)[None, None, :]
    centre = start[:, None, None] + scale * (target + 0.5)
    weights = (1 - (source + 0.5 - centre).abs() / support).clamp(min=0.0)
    first = start[:, None, None]
    weights = weights * ((source >= first) & (source < first + length[:, None, None]))
    return (weights / weights.sum(2, keepdim=True)).float()


def _fall_back(height: int, width: int) -> list[int]:
    """Top, left, height and width of the largest middle box that has one of the aspects."""
    rows, columns = height, width
    if width / height < ASPECTS[0]:
        rows = round(width / ASPECTS[0])
    elif width / height > ASPECTS[1]:
        columns = round(height * ASPECTS[1])
    return [(height - rows) // 2, (width - columns) // 2, rows, columns]
