"""Data sets out of .npz files and torch Datasets: the same checks and facts as of folders."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from bench.data.config import DataConfig
from bench.data.loading import load
from bench.data.splits import EvaluationData
from bench.errors import DataError

CPU = torch.device("cpu")
Arrays = dict[str, np.ndarray[Any, Any]]


def arrays(channels: tuple[int, ...] = (3,), train: int = 40, test: int = 20) -> Arrays:
    random = np.random.default_rng(0)
    return {
        "x_train": random.integers(0, 200, (train, 8, 6, *channels), dtype=np.uint8),
        "y_train": np.arange(train) % 2,
        "x_test": random.integers(200, 256, (test, 8, 6, *channels), dtype=np.uint8),
        "y_test": np.arange(test) % 2,
    }


def read_npz(folder: Path, values: Arrays, **options: Any) -> EvaluationData:
    np.savez(folder / "images.npz", **values)
    return load(DataConfig(name="x", npz=str(folder / "images.npz"), **options), None, CPU)


def npz_fails(folder: Path, values: Arrays, pattern: str) -> None:
    with pytest.raises(DataError, match=pattern) as caught:
        read_npz(folder, values)
    assert "\n" not in str(caught.value) and str(caught.value).startswith("x: ")


@pytest.mark.parametrize("channels", [(), (1,), (3,)])
def test_arrays_are_what_is_read(channels: tuple[int, ...], tmp_path: Path) -> None:
    values = arrays(channels)
    data = read_npz(tmp_path, values)
    assert data.search.shape == (channels[0] if channels else 1, 8, 6)
    stored = values["x_test"].reshape(20, 8, 6, -1).transpose(0, 3, 1, 2)
    assert np.array_equal(data.test.pool.images, stored)
    assert data.test.labels.tolist() == values["y_test"].tolist()
    by_pixels = {
        image.tobytes(): label
        for image, label in zip(
            values["x_train"].reshape(40, 8, 6, -1).transpose(0, 3, 1, 2),
            values["y_train"].tolist(),
            strict=True,
        )
    }
    pool = data.search.train.pool
    assert [by_pixels[i.numpy().tobytes()] for i in pool.images] == pool.labels.tolist()
    assert data.facts is not None and data.facts.images == {
        "training": 32, "validation": 8, "test": 20
    }  # fmt: skip


@pytest.mark.parametrize("change", ["fractions", "bool", "int64", "column", "float64"])
def test_other_types_are_the_same_images(change: str, tmp_path: Path) -> None:
    values = arrays()
    if change == "bool":
        values |= {key: (values[key] > 100) * np.uint8(255) for key in ("x_train",)}
    before = read_npz(tmp_path, values)
    match change:
        case "fractions":
            values["x_train"] = (values["x_train"] / 255).astype(np.float32)
        case "float64":
            values["x_train"] = values["x_train"] / 255
        case "bool":
            values["x_train"] = values["x_train"] > 100
        case "int64":
            values["x_train"] = values["x_train"].astype(np.int64)
        case "column":
            values["y_train"] = values["y_train"][:, None].astype(np.uint8)
    assert read_npz(tmp_path, values).search.digest == before.search.digest


def test_without_a_test_part_one_is_split_off_and_classes_have_names(tmp_path: Path) -> None:
    values = arrays()
    whole = {key: values[key] for key in ("x_train", "y_train")}
    data = read_npz(tmp_path, {**whole, "classes": np.array(["cat", "dög"]), "notes": np.ones(2)})
    assert data.search.class_names == ("cat", "dög")
    assert data.facts is not None
    assert data.facts.images == {"training": 26, "validation": 6, "test": 8}
    assert "; no test part: 20% of each class split off" in data.facts.describe("x")
    assert "; arrays not read: notes; " in data.facts.describe("x")


def test_training_batches_have_all_classes_though_the_file_is_sorted(tmp_path: Path) -> None:
    values = arrays()
    values["y_train"] = np.sort(values["y_train"])
    for batch in read_npz(tmp_path, values).search.train.sequential(16):
        assert len(batch.labels.unique()) == 2


WRONG: dict[str, tuple[Callable[[Arrays], Arrays], str]] = {
    "no labels": (
        lambda a: {key: a[key] for key in a if key != "y_train"},
        r"has no array y_train \(it has x_train, x_test, y_test\)",
    ),
    "half a test part": (
        lambda a: {key: a[key] for key in a if key != "y_test"},
        "has no array y_test .*; there must be x_train and y_train, and both or none of",
    ),
    "normalised": (
        lambda a: {**a, "x_train": (a["x_train"] - 100.0) / 50},
        "x_train has fractions from -2 to 1.98: give whole numbers from 0 to 255 or fractions",
    ),
    "fractions to 255": (lambda a: {**a, "x_test": a["x_test"] * 1.0}, "x_test has fractions from"),
    "nan": (
        lambda a: {**a, "x_test": np.full((20, 8, 6), np.nan)},
        "x_test has fractions from nan",
    ),
    "16 bits": (
        lambda a: {**a, "x_train": a["x_train"].astype(np.uint16) * 16},
        "x_train has whole numbers from 0 to 3184: give whole numbers from 0 to 255",
    ),
    "text": (lambda a: {**a, "x_train": a["x_train"].astype(str)}, "x_train has values of type <U"),
    "channels first": (
        lambda a: {**a, "x_train": np.moveaxis(a["x_train"], -1, 1)},
        r"x_train has shape \[40, 3, 8, 6\]: must be \[n, height, width\] or",
    ),
    "one-hot": (
        lambda a: {**a, "y_train": np.eye(2)[a["y_train"]]},
        r"y_train has shape \[40, 2\] of float64: must be one whole number for each of the 40",
    ),
    "too few labels": (lambda a: {**a, "y_test": a["y_test"][1:]}, r"y_test has shape \[19\]"),
    "negative": (lambda a: {**a, "y_train": a["y_train"] - 1}, "y_train has label -1"),
    "empty": (lambda a: {**a, "x_train": a["x_train"][:0]}, r"x_train has shape \[0, 8, 6, 3\]"),
    "unknown test class": (lambda a: {**a, "y_test": a["y_test"] + 1}, "y_test has label 2, which"),
    "untested class": (
        lambda a: {**a, "y_test": a["y_test"] * 0},
        "class '1' has none of the 20 test images of 2 classes; add some, or leave the class out",
    ),
    "untrained class": (
        lambda a: {**a, "y_train": a["y_train"] * 2},
        "class '1' has none of the 32 training images of 3 classes; it has 0 images for all",
    ),
    "one class": (
        lambda a: {**a, "y_train": a["y_train"] * 0, "y_test": a["y_test"] * 0},
        "has one class: there must be at least two",
    ),
    "few names": (lambda a: {**a, "classes": np.array(["a"])}, r"classes has shape \[1\]: must be"),
    "leak": (
        lambda a: {**a, "x_test": a["x_train"], "y_test": a["y_train"]},
        "40 of 40 test images are training or validation images, too",
    ),
    "other size": (
        lambda a: {**a, "x_test": a["x_test"][:, :5]},
        "training images have 6x8 pixels, test images 6x5; set data.size",
    ),
    "objects": (
        lambda a: {**a, "x_train": np.array([None, 1], dtype=object)},
        "cannot be read: Object arrays cannot be loaded",
    ),
}


@pytest.mark.parametrize(("change", "pattern"), WRONG.values(), ids=WRONG)
def test_wrong_arrays_are_named(
    change: Callable[[Arrays], Arrays], pattern: str, tmp_path: Path
) -> None:
    npz_fails(tmp_path, change(arrays()), pattern)


@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04nonsense", b"\x93NUMPY\x01\x00", "cut"])
def test_a_file_that_is_no_npz_is_named(content: bytes | str | None, tmp_path: Path) -> None:
    path = tmp_path / "images.npz"
    if content == "cut":
        np.savez_compressed(path, **arrays())
        path.write_bytes(path.read_bytes()[:-3000])
    elif isinstance(content, bytes):
        path.write_bytes(content)
    with pytest.raises(DataError, match=r"x: .*/images.npz cannot be read: \w") as caught:
        load(DataConfig(name="x", npz=str(path)), None, CPU)
    assert "\n" not in str(caught.value)


def test_an_npy_file_is_no_npz(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.ones(3))
    with pytest.raises(DataError, match=r"cannot be read: it is no \.npz file"):
        load(DataConfig(name="x", npz=str(tmp_path / "x.npy")), None, CPU)


# -- torch Datasets -----------------------------------------------------------------------------

MODULE = """
import numpy as np, torch
from PIL import Image
from torch.utils.data import Dataset

STORED = np.load(PATH)

class Stored(Dataset):
    def __init__(self, part, convert):
        self.images, self.labels = STORED[f"x_{part}"], STORED[f"y_{part}"]
        self.convert = convert
    def __len__(self):
        return len(self.labels)
    def __getitem__(self, index):
        return self.convert(self.images[index]), int(self.labels[index])

class Named(Stored):
    classes = ["cat", "dog"]

class Noisy(Stored):
    def __getitem__(self, index):
        return torch.rand(3, 8, 6), int(self.labels[index])

class Broken(Stored):
    def __getitem__(self, index):
        if index == 5:
            raise KeyError("gone")
        return super().__getitem__(index)

class Stream(torch.utils.data.IterableDataset):
    def __iter__(self):
        return iter([])

def both(convert, kind=Stored):
    return kind("train", convert), kind("test", convert)

def pil(root): return both(Image.fromarray)
def array(root): return both(lambda image: image)
def tensor(root): return both(lambda image: torch.from_numpy(image).permute(2, 0, 1))
def fractions(root): return both(lambda image: torch.from_numpy(image).permute(2, 0, 1) / 255)
def alone(root): return Named("train", Image.fromarray)
def noisy(root): return both(None, Noisy)
def broken(root): return both(Image.fromarray, Broken)
def stream(root): return Stream()
def three(root): return (1,) * 3
def normalised(root): return both(lambda image: torch.from_numpy(image / 128 - 1).permute(2, 0, 1))
def many(root): return both(lambda image: np.ones((8, 8, 5)))
def text(root): return both(lambda image: "picture.png")
def raising(root): raise RuntimeError(f"nothing in {root}")
def sizes(root): return both(lambda image: image[: 4 + image[0, 0, 0] % 4])
constant = 3
"""


@pytest.fixture
def open_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., EvaluationData]:
    """Reads a function's data sets, from a module in the current folder."""
    np.savez(tmp_path / "stored.npz", **arrays())
    path = str(tmp_path / "stored.npz")
    (tmp_path / "own_images.py").write_text(MODULE.replace("PATH", repr(path)))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "own_images", raising=False)

    def read(function: str, **options: Any) -> EvaluationData:
        config = DataConfig(name="x", dataset=f"own_images:{function}", **options)
        return load(config, tmp_path / "root", CPU)

    return read


@pytest.mark.parametrize("function", ["pil", "array", "tensor", "fractions"])
def test_a_data_set_is_the_same_as_of_arrays(
    function: str, open_own: Callable[..., EvaluationData], tmp_path: Path
) -> None:
    data = open_own(function)
    assert data.search.digest == read_npz(tmp_path, arrays()).search.digest
    assert data.search.class_names == ("0", "1")


def test_a_single_data_set_is_split_and_names_its_classes(
    open_own: Callable[..., EvaluationData],
) -> None:
    data = open_own("alone")
    assert data.search.class_names == ("cat", "dog")
    assert data.facts is not None
    assert data.facts.images == {"training": 26, "validation": 6, "test": 8}


def test_images_of_several_sizes_need_size(open_own: Callable[..., EvaluationData]) -> None:
    with pytest.raises(DataError, match=r"training item \d+ has 6x\d pixels, but x: .*data.size"):
        open_own("sizes")
    assert open_own("sizes", size=5).search.shape == (3, 5, 5)


def test_pil_images_are_turned_upright(
    open_own: Callable[..., EvaluationData], tmp_path: Path
) -> None:
    tags = Image.Exif()
    tags[0x0112] = 3
    turned = [Image.fromarray(image).rotate(180) for image in arrays()["x_test"]]
    for number, image in enumerate(turned):
        image.save(tmp_path / f"{number:02}.png", exif=tags)
    with (tmp_path / "own_images.py").open("a") as module:
        module.write("""
class Files(Stored):
    def __getitem__(self, index):
        return Image.open(f"{index:02}.png"), int(self.labels[index])
def files(root): return Stored("train", Image.fromarray), Files("test", None)
""")
    data = open_own("files")
    assert data.search.digest == read_npz(tmp_path, arrays()).search.digest
    assert data.facts is not None
    assert data.facts.changed == {"turned by their EXIF orientation": 20}


BROKEN = {
    "noisy": "x: training item 0 is another image when it is read again: leave augmentation out",
    "broken": "x: training item 5: KeyError: 'gone'",
    "stream": "own_images:stream returned Stream: must return a Dataset with a length, or two",
    "three": "own_images:three returned int: must return a Dataset",
    "normalised": "x: training item 0 has fractions from -1 to .*: give whole numbers from 0 to",
    "many": r"x: training item 0 has an image of shape \[8, 8, 5\]: must have 1 or 3 channels",
    "text": "x: training item 0 has an image of type str: no PIL image, tensor, array",
    "raising": "x: own_images:raising: RuntimeError: nothing in .*root",
    "absent": "x: dataset = own_images:absent: AttributeError: module 'own_images' has no",
    "constant": "x: dataset = own_images:constant is not a function",
}


@pytest.mark.parametrize(("function", "pattern"), BROKEN.items(), ids=BROKEN)
def test_what_is_wrong_with_a_data_set_is_one_line(
    function: str, pattern: str, open_own: Callable[..., EvaluationData]
) -> None:
    with pytest.raises(DataError, match=pattern) as caught:
        open_own(function)
    assert "\n" not in str(caught.value)


def test_a_module_that_is_not_there_is_named() -> None:
    config = DataConfig(name="x", dataset="no_such_module:open")
    with pytest.raises(DataError, match="x: dataset = no_such_module:open: ModuleNotFoundError"):
        load(config, None, CPU)
