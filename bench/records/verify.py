"""Do the files that were written from records still say what the records say?"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

Write = Callable[[Path], Sequence[Path]]
"""Writes files into a folder and says which."""


def compare(folder: Path, write: Write) -> tuple[list[str], int]:
    """What is wrong, one line per file of `folder`, and how many files were compared.

    The files are written anew, elsewhere, and compared byte by byte, pictures pixel by pixel.
    """
    wrong = []
    with tempfile.TemporaryDirectory(prefix="bench-verify-") as scratch:
        rewritten = write(Path(scratch))
        for path in rewritten:
            committed = folder / path.relative_to(scratch)
            if not committed.is_file():
                wrong.append(f"missing: {committed}")
            elif not _are_same(committed, path):
                wrong.append(f"differs: {committed}{_where(committed, path)}")
    return wrong, len(rewritten)


def _are_same(one: Path, other: Path) -> bool:
    """The same bytes or, of pictures, the same pixels but for one and another in every million.

    A coordinate may differ in its last bits, with another order of sums, and shift the shade of a
    pixel at the edge of a line. A digit has tens of pixels.
    """
    if one.read_bytes() == other.read_bytes():
        return True
    if one.suffix != ".png":
        return False
    from PIL import Image, ImageChops, UnidentifiedImageError

    try:
        pictures = [Image.open(path).convert("RGB") for path in (one, other)]
    except (UnidentifiedImageError, OSError):
        return False
    if pictures[0].size != pictures[1].size:
        return False
    red, green, blue = ImageChops.difference(*pictures).split()
    furthest = ImageChops.lighter(ImageChops.lighter(red, green), blue)
    pixels = furthest.width * furthest.height
    return pixels - furthest.histogram()[0] <= 1 + pixels // 1_000_000


def _where(committed: Path, rewritten: Path) -> str:
    """The first line that differs, of text."""
    try:
        texts = [path.read_text(encoding="utf-8").split("\n") for path in (committed, rewritten)]
    except UnicodeDecodeError:
        return ""
    for number, (old, new) in enumerate(zip(*texts, strict=False), 1):
        if old != new:
            return f", line {number}: {_cut(old)} where the records say {_cut(new)}"
    return f": {len(texts[0])} lines where the records make {len(texts[1])}"


def _cut(line: str) -> str:
    return repr(line if len(line) <= 70 else f"{line[:70]}…")
