"""Batched augmentation on the device that trains: no loop over images, no host synchronisation."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from bench.data.config import DataConfig
from bench.data.transforms.boxes import draw_boxes, resample
from bench.data.transforms.colour import ColourJitter


@dataclass(frozen=True)
class Augmentation:
    """Random crops, horizontal flip, colours, and cutout (DeVries & Taylor 2017).

    Lengths are in pixels; 0 is off. crop: side of what is left of an image (0: all of it), at a
    random place. resized_crop: instead, of a random box of at least this share of the area, resized
    (`boxes`). Draws come from a generator on the images' device and their number depends on the
    shapes only, so the same generator state gives the same batch.
    """

    crop_padding: int = 0
    flip: bool = False
    cutout: int = 0
    crop: int = 0
    resized_crop: float = 0.0
    colours: ColourJitter = ColourJitter()

    @classmethod
    def of(cls, data: DataConfig, cutout: int) -> Augmentation:
        """What a data set's options say, and the cutout of a training's."""
        colours = ColourJitter(data.brightness, data.contrast, data.saturation, data.hue)
        crops = data.crop or 0, data.resized_crop or 0.0
        return cls(data.crop_padding, data.flip, cutout, *crops, colours)

    def move(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Crop, flip and colour raw images [batch, channels, height, width] of any type.

        They stay raw, from 0 to 255: as they are, or, where pixels are mixed, as float32 that is
        not rounded. What the crop takes from beyond the border is 0, black, because this comes
        before the normalisation.
        """
        images = (
            self._resample(images, generator) if self.resized_crop else self._cut(images, generator)
        )
        return self.colours.apply(images, generator) if self.colours else images

    def _resample(self, images: Tensor, generator: torch.Generator) -> Tensor:
        batch, _, height, width = images.shape
        boxes = draw_boxes(batch, height, width, self.resized_crop, generator)
        images = resample(images, boxes, self.crop or height, self.crop or width)
        if not self.flip:
            return images
        flipped = torch.randint(0, 2, (batch, 1, 1, 1), generator=generator, device=images.device)
        return torch.where(flipped.bool(), images.flip(3), images)

    def _cut(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Crop and flip. Every pixel is moved once: the flip reads the columns backwards."""
        if not self.crop_padding and not self.flip and not self.crop:
            return images
        batch, _, *sides = images.shape
        height, width = (self.crop or side for side in sides)
        device = images.device
        columns = torch.arange(width, device=device).expand(batch, width)
        if self.flip:
            flipped = torch.randint(0, 2, (batch, 1), generator=generator, device=device)
            columns = columns + flipped * (width - 1 - 2 * columns)
        padding = self.crop_padding
        down, across = (
            side + 2 * padding - own + 1 for side, own in zip(sides, (height, width), strict=True)
        )
        if down == across == 1:
            return images.gather(3, columns[:, None, None, :].expand_as(images))
        if down == across:
            offsets = torch.randint(0, down, (2, batch, 1), generator=generator, device=device)
        else:
            shares = torch.rand(2, batch, 1, generator=generator, device=device)
            offsets = torch.stack([shares[0] * down, shares[1] * across]).long()
        rows = torch.arange(height, device=device) + offsets[0]
        columns = columns + offsets[1]
        padded = F.pad(images, (padding, padding, padding, padding)) if padding else images
        flat = rows[:, :, None] * padded.shape[3] + columns[:, None, :]
        flat = flat.flatten(1)[:, None, :].expand(-1, images.shape[1], -1)
        return padded.flatten(2).gather(2, flat).view(batch, images.shape[1], height, width)

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
