"""ImageNet's files in their layouts: photographs by class or with a list, and downsampled ones."""

from __future__ import annotations

import os
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.io import savemat

from bench.data.config import DataConfig
from bench.data.loading import load
from bench.data.splits import EvaluationData
from bench.errors import DataError

CPU = torch.device("cpu")
CLASSES = ("n01440764", "n01443537", "n01484850")
NUMBERS = {"n01440764": 3, "n01443537": 1, "n01484850": 2}
"""ILSVRC2012's own, in another order than the folders'."""


def read(root: Path, name: str, **options: object) -> EvaluationData:
    return load(DataConfig(name=name, **options), root, CPU)  # type: ignore[arg-type]


def fails(root: Path, name: str, pattern: str) -> None:
    with pytest.raises(DataError, match=pattern) as caught:
        read(root, name, size=8)
    assert "\n" not in str(caught.value)


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    """The data root; validation photographs are named by number, as they come."""
    random = np.random.default_rng(0)
    folder = tmp_path / "imagenet"
    number = 0
    for _ in range(4):
        for label, wnid in enumerate(CLASSES):
            for part, count in (("train", 3), ("val", 1)):
                (folder / part / wnid).mkdir(parents=True, exist_ok=True)
                for _ in range(count):
                    number += 1
                    name = f"{wnid}_{number}" if part == "train" else f"val_{number:08}"
                    pixels = random.integers(0, 80, (12, 15, 3)) + 80 * label
                    image = Image.fromarray(pixels.astype(np.uint8))
                    image.save(folder / part / wnid / f"ILSVRC2012_{name}.JPEG")
    return tmp_path


def flatten(root: Path) -> list[str]:
    """All validation photographs in one place; the class of each in the order of their names."""
    folder = root / "imagenet/val"
    owners = {path.name: path.parent.name for path in folder.glob("*/*.JPEG")}
    for path in list(folder.glob("*/*.JPEG")):
        path.rename(folder / path.name)
    for wnid in CLASSES:
        (folder / wnid).rmdir()
    return [owners[name] for name in sorted(owners)]


def write_kit(root: Path, classes: list[str]) -> None:
    data = root / "imagenet/ILSVRC2012_devkit_t12/data"
    data.mkdir(parents=True)
    truth = "".join(f"{NUMBERS[wnid]}\n" for wnid in classes)
    (data / "ILSVRC2012_validation_ground_truth.txt").write_text(truth)
    rows = [(NUMBERS[wnid], wnid, "words", "gloss", 0, [], 0, 1300) for wnid in CLASSES]
    rows.append((1001, "n00001740", "entity", "gloss", 3, [], 0, 0))
    names = ("ILSVRC2012_ID", "WNID", "words", "gloss", "num_children", "children",
             "wordnet_height", "num_train_images")  # fmt: skip
    synsets = np.array(rows, dtype=[(name, object) for name in names])
    savemat(data / "meta.mat", {"synsets": synsets.reshape(-1, 1)})


@pytest.mark.parametrize("kind", ["meta.bin", "kit"])
def test_validation_photographs_by_folder_and_by_list_are_the_same(
    kind: str, photographs: Path
) -> None:
    by_folder = read(photographs, "imagenet", size=8)
    assert by_folder.search.class_names == CLASSES
    assert (len(by_folder.search.train), len(by_folder.test)) == (29, 12)
    classes = flatten(photographs)
    if kind == "kit":
        write_kit(photographs, classes)
    else:
        names = dict.fromkeys(CLASSES, ("a fish",))
        torch.save((names, classes), photographs / "imagenet/meta.bin")
    by_list = read(photographs, "imagenet", size=8)
    assert by_list.search.digest == by_folder.search.digest
    assert by_list.facts == by_folder.facts
    disk = read(photographs, "imagenet", size=8, storage="disk")
    assert disk.search.digest == by_folder.search.digest


def test_labels_are_torchvisions(photographs: Path) -> None:
    from torchvision.datasets import ImageNet

    folder = photographs / "imagenet"
    val = sorted(folder.glob("val/*/*"), key=lambda path: path.name)
    names = {wnid: (wnid,) for wnid in CLASSES}
    torch.save((names, [path.parent.name for path in val]), folder / "meta.bin")
    reference = ImageNet(folder, split="val")
    data = read(photographs, "imagenet", size=8)
    assert data.test.labels.tolist() == [label for _, label in reference.samples]


def test_oblong_photographs_are_cropped_as_torchvision_does(photographs: Path) -> None:
    from torchvision.transforms.v2 import functional

    data = read(photographs, "imagenet", size=8, fit="crop")
    first = sorted((photographs / "imagenet/val" / CLASSES[0]).iterdir())[0]
    image = torch.from_numpy(np.array(Image.open(first))).permute(2, 0, 1).float()
    expected = functional.center_crop(functional.resize(image, [8], antialias=True), [8, 8])
    torch.testing.assert_close(data.test.pool.images[0].float(), expected, atol=0.51, rtol=0)


def test_missing_photographs_are_said(photographs: Path, tmp_path: Path) -> None:
    fails(tmp_path / "nowhere", "imagenet", r"nowhere/imagenet/train is missing: there must be")
    folder = photographs / "imagenet"
    classes = flatten(photographs)
    fails(photographs, "imagenet", r"val has images outside of class folders, and neither meta.bin")
    write_kit(photographs, classes[:-1])
    fails(photographs, "imagenet", r"val has 12 images, and the class of 11 is known")
    (folder / "ILSVRC2012_devkit_t12/data/meta.mat").write_bytes(b"no matrix")
    fails(photographs, "imagenet", "ILSVRC2012_devkit_t12 cannot be read")
    (folder / "meta.bin").write_bytes(b"nothing")
    fails(photographs, "imagenet", "meta.bin is not what torchvision writes")
    shutil.rmtree(folder / "val")
    fails(photographs, "imagenet", r"imagenet/val is missing")


def downsampled(root: Path, side: int, protocol: int = 4, flat: bool = True) -> None:
    random = np.random.default_rng(side)
    parts = {f"train_data_batch_{number}": 12 for number in range(1, 11)} | {"val_data": 20}
    for file, count in parts.items():
        part = "val" if file == "val_data" else "train"
        folder = root / (f"imagenet{side}" if flat else f"Imagenet{side}_{part}")
        folder.mkdir(parents=True, exist_ok=True)
        data = random.integers(0, 256, (count, 3 * side * side), dtype=np.uint8)
        labels = [int(label) for label in random.permutation(np.arange(count) % 4 + 1)]
        content = {"data": data, "labels": labels, "mean": data.mean(0)}
        (folder / file).write_bytes(pickle.dumps(content, protocol))


@pytest.mark.parametrize(("side", "protocol", "flat"), [(16, 2, True), (32, 5, False)])
def test_downsampled_files(side: int, protocol: int, flat: bool, tmp_path: Path) -> None:
    downsampled(tmp_path, side, protocol, flat)
    data = read(tmp_path, f"imagenet{side}")
    assert data.search.class_names == ("1", "2", "3", "4")
    assert data.search.shape == (3, side, side) and len(data.test) == 20
    assert len(data.search.train) + len(data.search.validation) == 120
    (path,) = tmp_path.glob("*/train_data_batch_7")
    content = pickle.loads(path.read_bytes())
    images = data.search.train.pool.images[72:84]
    assert np.array_equal(images.reshape(12, -1), content["data"])
    labels = data.search.train.pool.labels[72:84]
    assert (labels + 1).tolist() == content["labels"]
    small = {"size": 9, "train_limit": 40, "test_limit": 12}
    disk = read(tmp_path, f"imagenet{side}", storage="disk", **small)
    assert disk.search.digest == read(tmp_path, f"imagenet{side}", **small).search.digest


class Harm:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("touch harmed",)


def test_missing_and_damaged_downsampled_files_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    fails(tmp_path, "imagenet32", r"imagenet32/train_data_batch_1 is missing: .*not.* downloaded")
    downsampled(tmp_path, 32)
    bad = tmp_path / "imagenet32/train_data_batch_3"
    whole = pickle.loads(bad.read_bytes())
    contents = (
        (b"", "cannot|Ran out"),
        (bad.read_bytes()[:500], "truncated|ran out"),
        (pickle.dumps(Harm()), "it names .*system"),
        (pickle.dumps({**whole, "data": whole["data"][:, :9]}), "data is"),
        (pickle.dumps({**whole, "labels": whole["labels"][:2]}), "labels"),
        (pickle.dumps({**whole, "labels": [0] * 12}), "label 0 is below 1"),
    )
    for content, _ in contents:
        bad.write_bytes(content)
        fails(tmp_path, "imagenet32", r"train_data_batch_3 is not a file of images of 32x32 pixels")
    assert not (tmp_path / "harmed").exists()
    for content, pattern in contents[2:]:
        bad.write_bytes(content)
        fails(tmp_path, "imagenet32", pattern)
