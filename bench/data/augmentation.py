"""Batched augmentation on the device that trains: no loop over images, no host synchronisation."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from bench.data.config import DataConfig


@dataclass(frozen=True)
class Augmentation:
    """Random crop, horizontal flip and cutout (DeVries & Taylor 2017), as DARTS uses them.

    Lengths are in pixels; 0 is off. Draws come from a generator on the images' device and their
    number depends on the shapes only, so the same generator state gives the same batch.
    """

    crop_padding: int = 0
    flip: bool = False
    cutout: int = 0

    @classmethod
    def of(cls, data: DataConfig, cutout: int) -> Augmentation:
        """What a data set's options say, and the cutout of a training's."""
        return cls(data.crop_padding, data.flip, cutout)

    def move(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Crop and flip raw images [batch, channels, height, width] of any type.

        What the crop takes from beyond the border is 0, black, because this comes before the
        normalisation. Every pixel is moved once: the flip reads the crop's columns backwards.
        """
        if not self.crop_padding and not self.flip:
            return images
        batch, _, height, width = images.shape
        device = images.device
        columns = torch.arange(width, device=device).expand(batch, width)
        if self.flip:
            flipped = torch.randint(0, 2, (batch, 1), generator=generator, device=device)
            columns = columns + flipped * (width - 1 - 2 * columns)
        if not self.crop_padding:
            return images.gather(3, columns[:, None, None, :].expand_as(images))
        reach, padding = 2 * self.crop_padding + 1, self.crop_padding
        offsets = torch.randint(0, reach, (2, batch, 1), generator=generator, device=device)
        rows = torch.arange(height, device=device) + offsets[0]
        columns = columns + offsets[1]
        padded = F.pad(images, (padding, padding, padding, padding))
        flat = rows[:, :, None] * padded.shape[3] + columns[:, None, :]
        flat = flat.flatten(1)[:, None, :].expand(-1, images.shape[1], -1)
        return padded.flatten(2).gather(2, flat).view(images.shape)

    def erase(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Cutout: zero a square of side `cutout` in each normalised image.

        The centre is uniform over the pixels, and the square is clipped at the border. DARTS
        erases 2 * (cutout // 2) pixels a side: the same for an even side; an odd one is kept here.
        """
        if not self.cutout:
            return images
        batch, _, height, width = images.shape
        device = images.device
        inside = []
        for length in (height, width):
            centre = torch.randint(0, length, (batch, 1), generator=generator, device=device)
            start = centre - self.cutout // 2
            pixels = torch.arange(length, device=device)
            inside.append((pixels >= start) & (pixels < start + self.cutout))
        square = inside[0][:, None, :, None] & inside[1][:, None, None, :]
        return images * ~square
