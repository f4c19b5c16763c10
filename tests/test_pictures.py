"""Small PNG files: few colours, and none of a drawing's lost."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from bench import pictures


def test_a_thin_line_keeps_its_hue_beside_many_shades() -> None:
    shades = np.linspace(0, 255, 200).astype(np.uint8)
    drawn = np.repeat(np.repeat(shades[None, :, None], 150, 0), 3, 2)
    drawn[75, ::10] = (204, 121, 167)  # a dotted pink line: one pixel in 1,500
    drawn[20, ::10] = (0, 158, 115)
    png = pictures.to_png(Image.fromarray(drawn), 130)
    kept = Image.open(io.BytesIO(png))
    assert len(kept.getcolors() or []) <= pictures.COLOURS
    assert kept.info["dpi"][0] == 130.0 or abs(kept.info["dpi"][0] - 130) < 0.1
    difference = np.abs(np.asarray(kept.convert("RGB")).astype(int) - drawn)
    assert difference.max() <= 16
