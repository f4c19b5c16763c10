"""Comparing committed files with rewritten ones: pictures may differ in a single pixel."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from bench.records import verify

SIZE = (400, 300)


def draw(path: Path, points: int = 0, shift: int = 9, size: tuple[int, int] = SIZE) -> Path:
    picture = Image.new("RGB", size, (200, 200, 200))
    for place in range(points):
        picture.putpixel((10 + place, 20), (200 + shift, 200, 200))
    picture.save(path)
    return path


@pytest.mark.parametrize(
    ("make", "is_same"),
    [
        (lambda path: draw(path), True),
        (lambda path: draw(path, points=1), True),
        (lambda path: draw(path, points=1, shift=1), True),
        (lambda path: draw(path, points=2), False),
        (lambda path: draw(path, points=2, shift=1), False),
        (lambda path: draw(path, points=40), False),
        (lambda path: draw(path, size=(300, 400)), False),
        (lambda path: path.write_bytes(b"no picture") and path, False),
    ],
)
def test_pictures(make: Callable[[Path], Path], is_same: bool, tmp_path: Path) -> None:
    draw(tmp_path / "kept.png")
    wrong, compared = verify.compare(tmp_path, lambda folder: [make(folder / "kept.png")])
    assert compared == 1
    assert wrong == ([] if is_same else [f"differs: {tmp_path / 'kept.png'}"])


def test_other_files_are_compared_byte_by_byte(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("a,b\n1,2\n")

    def write(folder: Path) -> list[Path]:
        (folder / "table.csv").write_text("a,b\n1,3\n")
        return [folder / "table.csv"]

    (line,), _ = verify.compare(tmp_path, write)
    assert line.endswith("line 2: '1,2' where the records say '1,3'")
