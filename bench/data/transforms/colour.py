"""Brightness, contrast, saturation and hue of a batch's images, each by a number of its own.

The formulas are torchvision's for images of fractions. Images are float32 [batch, channels, height,
width] from 0 to 1, factors and shifts [batch].
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

LUMA = (0.2989, 0.587, 0.114)
"""Weights of red, green and blue in grey (ITU-R 601-2)."""


@dataclass(frozen=True)
class ColourJitter:
    """Random changes of brightness, contrast, saturation and hue, in this order.

    A factor is uniform from max(0, 1 - strength) to 1 + strength, the shift of the hue from
    -strength to strength, in turns of the colour circle. torchvision's ColorJitter also draws the
    order. Grey images have no saturation and no hue.
    """

    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    hue: float = 0.0

    def __bool__(self) -> bool:
        return any((self.brightness, self.contrast, self.saturation, self.hue))

    def apply(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Raw images (0 to 255, of any type) as float32 from 0 to 255."""
        uniform = torch.rand(4, len(images), generator=generator, device=images.device)
        images = images.float() / 255
        coloured = images.shape[1] == 3
        if self.brightness:
            images = scale_brightness(images, _factor(uniform[0], self.brightness))
        if self.contrast:
            images = scale_contrast(images, _factor(uniform[1], self.contrast))
        if self.saturation and coloured:
            images = scale_saturation(images, _factor(uniform[2], self.saturation))
        if self.hue and coloured:
            images = shift_hue(images, self.hue * (2 * uniform[3] - 1))
        return images * 255


def scale_brightness(images: Tensor, factors: Tensor) -> Tensor:
    """Multiply the pixels."""
    return _blend(images, torch.zeros_like(images), factors)


def scale_contrast(images: Tensor, factors: Tensor) -> Tensor:
    """Move the pixels away from the image's mean grey, or towards it."""
    grey = _grey(images) if images.shape[1] == 3 else images
    return _blend(images, grey.mean((1, 2, 3), keepdim=True), factors)


def scale_saturation(images: Tensor, factors: Tensor) -> Tensor:
    """Move every pixel away from its own grey, or towards it."""
    return _blend(images, _grey(images), factors)


def shift_hue(images: Tensor, shifts: Tensor) -> Tensor:
    """Turn the colour circle, by way of hue, saturation and value."""
    red, green, blue = images.unbind(1)
    value, least = images.amax(1), images.amin(1)
    chroma = value - least
    divisor = torch.where(chroma == 0, 1.0, chroma)
    saturation = chroma / torch.where(value == 0, 1.0, value)
    r, g, b = ((value - channel) / divisor for channel in (red, green, blue))
    hue = torch.where(value == red, b - g, torch.where(value == green, 2.0 + r - b, 4.0 + g - r))
    hue = (hue / 6.0 + 1.0 + shifts[:, None, None]).remainder(1.0)
    sector = hue[:, None] * 6.0 + torch.tensor([5.0, 3.0, 1.0], device=hue.device)[:, None, None]
    sector = sector.remainder(6.0)
    part = torch.minimum(sector, 4.0 - sector).clamp(0.0, 1.0)
    return (value[:, None] * (1.0 - saturation[:, None] * part)).clamp(0.0, 1.0)


def _factor(uniform: Tensor, strength: float) -> Tensor:
    low = max(0.0, 1.0 - strength)
    return low + (1.0 + strength - low) * uniform


def _grey(images: Tensor) -> Tensor:
    """[batch, 1, height, width]"""
    red, green, blue = images.unbind(1)
    return (LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue)[:, None]


def _blend(images: Tensor, others: Tensor, factors: Tensor) -> Tensor:
    factors = factors[:, None, None, None]
    return (factors * images + (1.0 - factors) * others).clamp(0.0, 1.0)
