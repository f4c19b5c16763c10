"""Anybody's own images: layout, colours, sizes, subsets, and the errors."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from bench.data.config import DataConfig
from bench.data.loading import load
from bench.data.splits import EvaluationData
from bench.errors import DataError

CPU = torch.device("cpu")


def read(folder: Path, size: int | None = None, train_limit: int | None = None) -> EvaluationData:
    config = DataConfig(name=f"image-folder:{folder}", size=size, train_limit=train_limit)
    return load(config, None, CPU)


def fails(folder: Path, pattern: str) -> None:
    with pytest.raises(DataError, match=pattern) as caught:
        read(folder)
    assert "\n" not in str(caught.value)


def test_pixels_and_labels_are_those_of_the_files(image_folder: Callable[..., Path]) -> None:
    folder = image_folder(classes=("b", "a", "c"), size=(6, 4))
    data = read(folder)
    assert data.search.class_names == ("a", "b", "c") and data.search.shape == (3, 4, 6)
    expected = [
        (np.asarray(Image.open(path)).transpose(2, 0, 1), label)
        for label, name in enumerate("abc")
        for path in sorted((folder / "test" / name).iterdir())
    ]
    assert data.test.labels.tolist() == [label for _, label in expected]
    assert np.array_equal(data.test.pool.images.numpy(), np.stack([image for image, _ in expected]))


def test_batches_of_training_images_are_of_all_classes(image_folder: Callable[..., Path]) -> None:
    """A super-network normalises by the batch: in one of a single class it is at chance."""
    data = read(image_folder(classes=tuple("abcdef"), train=60)).search
    for split in (data.validation, data.train):
        for batch in split.sequential(32):
            assert len(batch.labels.unique()) >= 4


def test_only_the_chosen_files_are_decoded(image_folder: Callable[..., Path]) -> None:
    folder = image_folder(train=30)
    whole = read(folder, train_limit=20)
    unused = set(folder.glob("train/*/*"))
    for image in whole.search.train.pool.images.permute(0, 2, 3, 1).numpy():
        unused -= {path for path in unused if np.array_equal(np.asarray(Image.open(path)), image)}
    assert len(unused) == 40
    for path in unused:
        path.write_bytes(b"not an image")
    assert read(folder, train_limit=20).search.digest == whole.search.digest


def test_grey_stays_grey_and_a_mixture_is_colour(image_folder: Callable[..., Path]) -> None:
    folder = image_folder(mode="L")
    grey = read(folder)
    assert grey.search.shape == (1, 8, 8)
    colour = np.zeros((8, 8, 3), dtype=np.uint8)
    colour[..., 1] = 90
    Image.fromarray(colour).save(folder / "test" / "dog" / "005.png")
    mixed = read(folder)
    assert mixed.search.shape == (3, 8, 8) and mixed.test.pool.images.shape[1] == 3
    assert torch.equal(
        mixed.search.train.pool.images, grey.search.train.pool.images.expand(-1, 3, -1, -1)
    )
    assert mixed.test.pool.images[15, :, 0, 0].tolist() == [0, 90, 0]


@pytest.mark.parametrize(
    ("mode", "pixel", "expected"),
    [
        ("1", 1, [255]),
        ("LA", (80, 0), [80]),
        ("RGBA", (1, 2, 3, 0), [1, 2, 3]),
        ("CMYK", (0, 255, 255, 0), [255, 0, 0]),
        ("I;16", 0x1234, [0x12]),
    ],
)
def test_other_modes_become_grey_or_rgb(
    image_folder: Callable[..., Path], mode: str, pixel: object, expected: list[int]
) -> None:
    folder = image_folder(train=4, mode="L" if len(expected) == 1 else "RGB")
    Image.new(mode, (8, 8), pixel).save(folder / "test" / "cat" / "00.tiff")  # type: ignore[arg-type]
    assert read(folder).test.pool.images[0, :, 3, 3].tolist() == expected


def test_mixed_sizes_need_size(image_folder: Callable[..., Path]) -> None:
    folder = image_folder()
    odd = folder / "train" / "dog" / "003.png"
    Image.new("RGB", (12, 10)).save(odd)
    fails(folder, re.escape(str(odd)) + r" has 12x10 pixels, but .* 8x8; set data.size")
    assert read(folder, size=6).search.shape == (3, 6, 6)


def test_train_and_test_of_different_size_need_size(image_folder: Callable[..., Path]) -> None:
    folder = image_folder()
    for path in folder.glob("test/*/*.png"):
        Image.new("RGB", (5, 8)).save(path)
    fails(folder, "training images have 8x8 pixels, test images 5x8; set data.size")


def test_a_relative_path_is_found_here_or_under_the_root(
    image_folder: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = image_folder()
    config = DataConfig(name=f"image-folder:{folder.name}")
    digests = {load(config, folder.parent, CPU).search.digest}
    monkeypatch.chdir(folder.parent)
    digests.add(load(config, tmp_path / "elsewhere", CPU).search.digest)
    assert digests == {read(folder).search.digest}


@pytest.mark.parametrize("keep", [0, 20, 60])
def test_a_damaged_image_is_named(image_folder: Callable[..., Path], keep: int) -> None:
    folder = image_folder()
    path = folder / "train" / "cat" / "007.jpg"
    Image.effect_noise((8, 8), 50).convert("RGB").save(path)
    path.write_bytes(path.read_bytes()[:keep])
    fails(folder, re.escape(str(path)) + " is not a usable image .*: replace or delete it")


def test_a_truncated_jpeg_is_named(image_folder: Callable[..., Path]) -> None:
    folder = image_folder(size=(64, 64))
    path = folder / "test" / "cat" / "000.jpg"
    Image.effect_noise((64, 64), 50).convert("RGB").save(path)
    path.write_bytes(path.read_bytes()[:-400])
    fails(folder, re.escape(str(path)) + " is not a usable image .*truncated")


def test_wrong_layouts_are_named(image_folder: Callable[..., Path], tmp_path: Path) -> None:
    fails(tmp_path / "nowhere", "folder .*nowhere cannot be read: No such file or directory")
    folder = image_folder()
    (folder / "test" / "bird").mkdir()
    fails(folder, "test/bird has no folder in train/")
    (folder / "train" / "bird").mkdir()
    fails(folder, "train/bird has no image; every class needs images in every part")
    (folder / "train" / "bird").rmdir()
    (folder / "test" / "bird").rmdir()
    for path in folder.glob("test/dog/*"):
        path.rename(path.with_suffix(".txt"))
    fails(folder, r"test/dog has no image \(files ignored: with suffix .txt 10\)")
    shutil.rmtree(folder / "test" / "dog")
    fails(folder, "class dog has no folder in test/; every class needs images")
    shutil.rmtree(folder / "train" / "dog")
    fails(folder, "train has fewer than two classes")
