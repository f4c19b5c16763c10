"""Drawn figures as small PNG files."""

from __future__ import annotations

import io

from PIL import Image

WHITE = 253
"""A channel that is at least so bright, of 255, is full, as white's are: the palette has means."""


def to_png(drawn: Image.Image, dots_per_inch: float) -> bytes:
    """A picture of lines, texts and few colours as a PNG without a date, a quarter of the bytes.

    Its palette of up to 256 colours is of an octree: those of thin lines and pale areas are kept,
    which one by frequency, or by range alone, loses.
    """
    small = drawn.convert("RGB").quantize(256, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    palette = [255 if level >= WHITE else level for level in small.getpalette() or ()]
    small.putpalette(palette)
    buffer = io.BytesIO()
    small.save(buffer, "png", optimize=True, dpi=(dots_per_inch, dots_per_inch))
    return buffer.getvalue()
