"""Images of any kind as 8-bit tensors, and what of them that changes."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bench import seeds
from bench.errors import DataError

ORIENTATION = 0x0112  # of EXIF: 1 is upright, 2 to 8 are turned or mirrored
TURNED = "turned by their EXIF orientation"
TRANSPARENT = "transparent (that is ignored)"
FRAMES = "of several frames (the first is read)"
DEEP = "of 16 bits (the upper 8 are read)"


def from_pil(image: Any, changed: Counter[str]) -> Tensor:
    """A PIL image, upright, as uint8 [1 or 3, height, width]: grey stays grey, the rest is RGB.

    `changed` counts what is done to it. Raises ValueError for pixels of 32 bits, and what PIL
    raises for a damaged image.
    """
    from PIL import ImageOps

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of damaged EXIF, and of transparency, which is counted
        turned = is_turned(image)  # before loading: TIFF is turned by it
        changed[FRAMES] += bool(getattr(image, "is_animated", False))
        if turned:
            image = ImageOps.exif_transpose(image)
            changed[TURNED] += 1
        if image.mode.startswith("I;16"):
            pixels = (np.array(image) >> 8).astype(np.uint8)
            changed[DEEP] += 1
        elif image.mode in ("I", "F"):
            raise ValueError(f"its pixels have 32 bits (mode {image.mode}), not 8 or 16")
        else:
            changed[TRANSPARENT] += _is_transparent(image)
            pixels = np.array(image.convert("L" if image.mode in ("1", "L", "LA") else "RGB"))
    tensor = torch.from_numpy(pixels)
    return tensor[None] if tensor.ndim == 2 else tensor.permute(2, 0, 1)


def from_numbers(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Pixels as uint8: whole numbers from 0 to 255 as they are, fractions from 0 to 1 times 255.

    Raises ValueError, with the range, for anything else (as normalised images).
    """
    if values.dtype == np.uint8:
        return values
    if values.dtype == np.bool_:
        return values.astype(np.uint8) * np.uint8(255)
    if values.dtype.kind not in "iuf":
        raise ValueError(f"has values of type {values.dtype}, not numbers")
    low, high = (values.min(), values.max()) if values.size else (0, 0)
    whole = values.dtype.kind in "iu"
    if not (low >= 0 and high <= (255 if whole else 1)):  # false for NaN
        raise ValueError(
            f"has {'whole numbers' if whole else 'fractions'} from {low:g} to {high:g}: give whole"
            " numbers from 0 to 255 or fractions from 0 to 1, not normalised"
        )
    return (values if whole else np.rint(values * 255)).astype(np.uint8)


def stack(name: str, images: Iterable[tuple[str, Tensor]], count: int) -> Tensor:
    """uint8 [count, channels, height, width]: one channel if all are grey, otherwise RGB.

    images: what to call each image, and its pixels. Raises DataError where sizes differ.
    """
    stacked, first = torch.empty(0), ""
    for position, (text, image) in enumerate(images):
        if position == 0:
            first = text
            stacked = torch.empty(count, *image.shape, dtype=torch.uint8)
        if image.shape[1:] != stacked.shape[2:]:
            sizes = [f"{shape[-1]}x{shape[-2]}" for shape in (image.shape, stacked.shape)]
            raise DataError(
                f"{name}: {text} has {sizes[0]} pixels, but {first} {sizes[1]}; "
                "set data.size to resize all images"
            )
        if image.shape[0] > stacked.shape[1]:
            stacked = stacked.expand(-1, 3, -1, -1).clone()
        stacked[position] = image
    return stacked


def mix(count: int) -> Tensor:
    """The fixed random order, int64 [count], in which training images come, not class by class.

    A super-network normalises by a batch's own statistics, and in a batch of one class it cannot
    tell the classes apart.
    """
    return torch.randperm(count, generator=seeds.generator("cpu", "image folder"))


def is_turned(image: Any) -> bool:
    """Whether a PIL image's EXIF says that it is to be turned or mirrored."""
    try:
        return image.getexif().get(ORIENTATION) in range(2, 9)
    except Exception:  # damaged EXIF raises many types, and the pixels may be right all the same
        return False


def _is_transparent(image: Any) -> bool:
    """Whether any pixel is not opaque."""
    if image.mode in ("LA", "RGBA", "PA"):
        alpha = image.getchannel("A")
    elif "transparency" in image.info:
        alpha = image.convert("RGBA").getchannel("A")
    else:
        return False
    return bool(alpha.getextrema()[0] < 255)
