"""Corruptions against NumPy, SciPy and Pillow, image by image, and against their moments."""

from __future__ import annotations

import colorsys
import io
from typing import get_args

import numpy as np
import pytest
import torch
from PIL import Image
from scipy import ndimage
from torch import Tensor

from bench.training.config import Corruption
from bench.training.uncertainty.corruptions import CHUNK, SEVERITIES, corrupt

STRENGTHS = (1, 2, 3, 4, 5)


def images(channels: int = 3, count: int = 4, side: int = 32) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    shape = (count, channels, side, side)
    return torch.randint(256, shape, generator=generator, dtype=torch.uint8)


def difference(one: Tensor, other: np.ndarray) -> float:
    return float(np.abs(one.numpy().astype(float) - other).max())


@pytest.mark.parametrize("strength", STRENGTHS)
@pytest.mark.parametrize("side", [28, 32, 14])
def test_pixelate_is_pillows(strength: int, side: int) -> None:
    x, share = images(side=side), SEVERITIES["pixelate"][strength - 1]
    small = int(side * share)
    for image, found in zip(x, corrupt(x, "pixelate", strength), strict=True):
        picture = Image.fromarray(image.permute(1, 2, 0).numpy())
        picture = picture.resize((small, small), Image.Resampling.BOX)
        again = np.asarray(picture.resize((side, side), Image.Resampling.BOX))
        assert difference(found, again.transpose(2, 0, 1)) <= 1  # a level, of rounding halves


@pytest.mark.parametrize("strength", STRENGTHS)
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("side", [28, 32, 11])
def test_jpeg_compression_is_pillows(strength: int, channels: int, side: int) -> None:
    """As in CIFAR-10-C: baseline JPEG with Pillow's defaults, whose colours are subsampled."""
    x = images(channels, side=side)
    quality = (80, 65, 58, 50, 40)[strength - 1]
    for image, found in zip(x, corrupt(x, "jpeg_compression", strength), strict=True):
        pixels = image.permute(1, 2, 0).numpy()
        file = io.BytesIO()
        Image.fromarray(pixels if channels == 3 else pixels[..., 0]).save(
            file, "JPEG", quality=quality
        )
        expected = np.asarray(Image.open(file)).reshape(pixels.shape).transpose(2, 0, 1)
        assert difference(found, expected) <= 1  # a level: two builds of libjpeg


def test_jpeg_compression_leaves_what_it_can_hold() -> None:
    """Images of one grey come back as they were, in any chunk, and from 0 to 255."""
    x = torch.arange(256, dtype=torch.uint8)[:, None, None, None].expand(-1, 3, 8, 8)
    x = x.repeat(CHUNK // 256 + 1, 1, 1, 1)
    found = corrupt(x, "jpeg_compression", 1)
    assert (found.int() - x.int()).abs().max() <= 2  # the quantisation of a block's mean
    assert found.min() == 0 and found.max() == 255


@pytest.mark.parametrize("strength", STRENGTHS)
def test_blur_is_scipys(strength: int) -> None:
    x, deviation = images(1), SEVERITIES["gaussian_blur"][strength - 1]
    for image, found in zip(x, corrupt(x, "gaussian_blur", strength), strict=True):
        expected = ndimage.gaussian_filter(
            image[0].numpy().astype(float), deviation, mode="nearest"
        )
        assert difference(found[0], np.floor(expected + 1e-3)) <= 1


@pytest.mark.parametrize("strength", STRENGTHS)
def test_contrast_is_numpys(strength: int) -> None:
    x, factor = images(), SEVERITIES["contrast"][strength - 1]
    pixels = x.numpy() / 255
    means = pixels.mean((2, 3), keepdims=True)
    expected = np.clip((pixels - means) * factor + means, 0, 1) * 255
    assert difference(corrupt(x, "contrast", strength), np.floor(expected + 1e-3)) <= 1


@pytest.mark.parametrize("strength", STRENGTHS)
def test_brightness_is_that_of_hsv(strength: int) -> None:
    x, added = images(count=1, side=8), SEVERITIES["brightness"][strength - 1]
    x[0, :, 0, 0] = 0  # black has no hue
    found = corrupt(x, "brightness", strength)
    for row in range(8):
        for column in range(8):
            hue, saturation, value = colorsys.rgb_to_hsv(*(x[0, :, row, column].numpy() / 255))
            rgb = colorsys.hsv_to_rgb(hue, saturation, min(1, value + added))
            expected = np.floor(255 * np.array(rgb) + 1e-3)
            assert difference(found[0, :, row, column], expected) <= 1
    grey = images(1)
    expected = np.floor(np.clip(grey.numpy() / 255 + added, 0, 1) * 255 + 1e-3)
    assert difference(corrupt(grey, "brightness", strength), expected) <= 1


@pytest.mark.parametrize("strength", [1, 3, 5])
def test_noise_has_its_moments(strength: int) -> None:
    """On images of one grey; values are cut downwards to whole levels, half a level on average."""
    level = 100
    x = torch.full((40, 1, 32, 32), level, dtype=torch.uint8)
    noisy = {name: corrupt(x, name, strength).double() / 255 for name in get_args(Corruption)[:3]}
    deviation = SEVERITIES["gaussian_noise"][strength - 1]
    assert noisy["gaussian_noise"].std() == pytest.approx(deviation, rel=0.03)
    photons = SEVERITIES["shot_noise"][strength - 1]
    expected = (level / 255 / photons) ** 0.5
    assert noisy["shot_noise"].std() == pytest.approx(expected, rel=0.03)
    for name in ("gaussian_noise", "shot_noise"):
        assert noisy[name].mean() == pytest.approx((level - 0.5) / 255, abs=0.002)
    share = SEVERITIES["impulse_noise"][strength - 1]
    salt, pepper = (float((noisy["impulse_noise"] == end).double().mean()) for end in (1, 0))
    assert salt == pytest.approx(share / 2, rel=0.2) and pepper == pytest.approx(share / 2, rel=0.2)


@pytest.mark.parametrize("corruption", get_args(Corruption))
def test_corrupted_images_are_images_that_repeat(corruption: Corruption) -> None:
    x = images(3, count=2)
    before = x.clone()
    found = {strength: corrupt(x, corruption, strength) for strength in STRENGTHS}
    assert torch.equal(x, before)
    for strength, one in found.items():
        assert (one.dtype, one.shape) == (torch.uint8, x.shape)
        assert torch.equal(one, corrupt(x, corruption, strength))
    distances = [float((one.float() - x.float()).square().mean()) for one in found.values()]
    assert distances[0] > 0 and distances[0] < distances[2] < distances[4]


def test_every_chunk_has_noise_of_its_own() -> None:
    x = torch.full((CHUNK + 1, 1, 4, 4), 128, dtype=torch.uint8)
    found = corrupt(x, "gaussian_noise", 5)
    assert len(found.flatten(1).unique(dim=0)) == len(x)


@pytest.mark.parametrize("strength", [0, 6])
def test_a_strength_that_is_none_is_refused(strength: int) -> None:
    with pytest.raises(ValueError, match=f"strength is {strength}: must be from 1 to 5"):
        corrupt(images(), "contrast", strength)
