"""Drawn figures as small PNG files."""

from __future__ import annotations

import io

from PIL import Image

COLOURS = 64
"""Enough: that none is more than a sixteenth of the scale from what was drawn was measured."""


def to_png(drawn: Image.Image, dots_per_inch: float) -> bytes:
    """A picture of lines, texts and few colours as a PNG without a date, a third of the bytes.

    Its palette covers the whole range of colours: one by frequency would lose thin lines' hues.
    """
    flat = drawn.convert("RGB")
    small = flat.quantize(COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    buffer = io.BytesIO()
    small.save(buffer, "png", optimize=True, dpi=(dots_per_inch, dots_per_inch))
    return buffer.getvalue()
