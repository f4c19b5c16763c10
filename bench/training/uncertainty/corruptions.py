"""Corrupted images: eight of the corruptions of CIFAR-10-C, for whole batches at once.

Source: Hendrycks and Dietterich 2019 (arXiv 1903.12261); the constants are those that they publish
for CIFAR-10-C. They are stated for images of 32x32 pixels and used here for images of any size:
noise, contrast and brightness do not depend on it, the blur's deviation and JPEG's blocks are in
pixels, and pixelate has the same share of the side. Those of the 19 that need files or other
libraries (frost, snow, fog, spatter, motion blur, ...) are left out.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from bench import seeds
from bench.training.config import Corruption

CHUNK = 1024  # images
SEVERITIES: dict[Corruption, tuple[float, ...]] = {
    "gaussian_noise": (0.04, 0.06, 0.08, 0.09, 0.10),  # deviation, of pixels from 0 to 1
    "shot_noise": (500, 250, 100, 75, 50),  # photons at a pixel of 1
    "impulse_noise": (0.01, 0.02, 0.03, 0.05, 0.07),  # share of the values that become 0 or 1
    "gaussian_blur": (0.4, 0.6, 0.7, 0.8, 1.0),  # deviation, pixels
    "contrast": (0.75, 0.5, 0.4, 0.3, 0.15),  # factor of the distance to the image's mean
    "brightness": (0.05, 0.1, 0.15, 0.2, 0.3),  # added to the value of HSV
    "pixelate": (0.95, 0.9, 0.85, 0.75, 0.65),  # share of the side that is left
    "jpeg_compression": (80, 65, 58, 50, 40),  # libjpeg's quality; ImageNet-C has 25 to 7
}
"""The constant of each corruption at the strengths 1 to 5."""


def corrupt(images: Tensor, corruption: Corruption, strength: int) -> Tensor:
    """Corrupted images, of the type, shape and device of `images`.

    images: uint8 [images, channels, height, width]. strength: 1 to 5. The noise is a function of
    the corruption, its strength and the device: every network sees the same corrupted images.
    Values are cut to whole pixel values as in CIFAR-10-C. Raises KeyError for an unknown
    corruption, ValueError for a strength that is none, and whatever torchvision raises where it
    cannot compress (`jpeg_compression` alone).
    """
    constants = SEVERITIES[corruption]
    if not 1 <= strength <= len(constants):
        raise ValueError(f"strength is {strength}: must be from 1 to {len(constants)}")
    generator = seeds.generator(images.device, "corruption", corruption, strength)
    apply, constant = _APPLY[corruption], constants[strength - 1]
    parts = [
        (apply(part.float() / 255, constant, generator).clamp(0, 1) * 255 + _ROUNDING).byte()
        for part in images.split(CHUNK)
    ]
    return torch.cat(parts)


_ROUNDING = 1e-3
"""So that 254.9999 in float32 is not cut to 254."""


def _gaussian_noise(x: Tensor, deviation: float, generator: torch.Generator) -> Tensor:
    return x + deviation * torch.randn(x.shape, generator=generator, device=x.device)


def _shot_noise(x: Tensor, photons: float, generator: torch.Generator) -> Tensor:
    return torch.poisson(x * photons, generator=generator) / photons


def _impulse_noise(x: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """Salt and pepper: every value of every channel by itself, both equally often."""
    drawn = torch.rand(x.shape, generator=generator, device=x.device)
    return torch.where(drawn < share, (drawn < share / 2).float(), x)


def _gaussian_blur(x: Tensor, deviation: float, generator: torch.Generator) -> Tensor:
    """Convolved with a Gaussian out to 4 deviations; beyond the border is the border's pixel."""
    radius = int(4 * deviation + 0.5)
    places = torch.arange(-radius, radius + 1, device=x.device)
    kernel = (-places.float().square() / (2 * deviation**2)).exp()
    kernel = kernel / kernel.sum()
    flat = x.flatten(0, 1)[:, None]
    padded = F.pad(flat, (radius, radius, radius, radius), mode="replicate")
    rows = F.conv2d(padded, kernel[None, None, :, None])
    return F.conv2d(rows, kernel[None, None, None, :]).reshape(x.shape)


def _contrast(x: Tensor, factor: float, generator: torch.Generator) -> Tensor:
    means = x.mean((-2, -1), keepdim=True)
    return (x - means) * factor + means


def _brightness(x: Tensor, added: float, generator: torch.Generator) -> Tensor:
    """The largest channel, V of HSV, is raised; hue and saturation stay, so all grow alike."""
    value = x.amax(1, keepdim=True)
    raised = (value + added).clamp(max=1)
    return torch.where(value > 0, x * (raised / value.clamp(min=1e-6)), raised.expand_as(x))


def _pixelate(x: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """Made smaller and large again by a box filter, each time to whole pixel values."""
    height, width = x.shape[-2:]
    small = max(1, int(height * share)), max(1, int(width * share))
    return _resize_by_box(_resize_by_box(x, *small), height, width)


def _resize_by_box(x: Tensor, height: int, width: int) -> Tensor:
    rows, columns = (
        _box_weights(*sizes).to(x.device) for sizes in ((x.shape[-2], height), (x.shape[-1], width))
    )
    return _to_levels(rows @ _to_levels(x @ columns.T))


def _jpeg_compression(x: Tensor, quality: float, generator: torch.Generator) -> Tensor:
    """Encoded and decoded, image by image on the CPU, with colours at half the resolution (4:2:0).

    One or three channels.
    """
    from torchvision.io import decode_jpeg, encode_jpeg

    levels = (x * 255).round().byte().cpu()
    decoded = decode_jpeg(encode_jpeg(list(levels), quality=int(quality)))
    return torch.stack(decoded).to(x.device).float() / 255


def _to_levels(x: Tensor) -> Tensor:
    return (x * 255 + 0.5).floor() / 255


def _box_weights(before: int, after: int) -> Tensor:
    """Weights [after, before] of the old pixels in each new one: those whose centres it covers.

    A new pixel covers at least one old one, so that a larger image repeats its nearest pixels.
    """
    scale = before / after
    half = 0.5 * max(scale, 1.0)
    centres = (torch.arange(after, dtype=torch.float64)[:, None] + 0.5) * scale
    distance = torch.arange(before, dtype=torch.float64) + 0.5 - centres
    inside = ((distance > -half) & (distance <= half)).double()
    return (inside / inside.sum(1, keepdim=True)).float()


Apply = Callable[[Tensor, float, torch.Generator], Tensor]
"""(images float32 [images, channels, height, width] from 0 to 1, constant, generator) -> images"""
_APPLY: dict[Corruption, Apply] = {
    "gaussian_noise": _gaussian_noise,
    "shot_noise": _shot_noise,
    "impulse_noise": _impulse_noise,
    "gaussian_blur": _gaussian_blur,
    "contrast": _contrast,
    "brightness": _brightness,
    "pixelate": _pixelate,
    "jpeg_compression": _jpeg_compression,
}
