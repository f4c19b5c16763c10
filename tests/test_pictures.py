"""Small PNG files: few colours, and none of a drawing's lost."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from bench import pictures


def test_thin_lines_and_pale_areas_keep_their_hues_and_white_is_white() -> None:
    drawn = np.full((150, 200, 3), 255, dtype=np.uint8)
    drawn[30:60], drawn[60:90] = (217, 240, 234), (217, 234, 243)  # pale green and pale blue
    drawn[:, :, :] -= np.arange(200, dtype=np.uint8)[None, :, None] % 3  # many shades of each
    drawn[75, ::10], drawn[20, ::10] = (204, 121, 167), (0, 158, 115)  # dots, one in 1,500 pixels
    drawn[0] = 255
    kept = Image.open(io.BytesIO(pictures.to_png(Image.fromarray(drawn), 130)))
    assert kept.mode == "P" and abs(kept.info["dpi"][0] - 130) < 0.1
    shown = np.asarray(kept.convert("RGB")).astype(int)
    assert (shown[0] == 255).all() and np.abs(shown - drawn).max() <= 4
