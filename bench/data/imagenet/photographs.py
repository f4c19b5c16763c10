"""ImageNet (ILSVRC2012) in the layout that torchvision.datasets.ImageNet leaves.

Below the data root, `imagenet/train/` has a folder of photographs for each class, named by its
WordNet identifier (n01440764, ...). `imagenet/val/` has such folders too, or all photographs in one
place, as they come; then `meta.bin`, which torchvision writes, or the development kit
`ILSVRC2012_devkit_t12/` says which class each is of. Some of the classes are a data set as well.
The validation photographs are the test part, as is usual: the official test has no public labels.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from bench.data.own import files, image_folder
from bench.data.source import Remarks, Source
from bench.errors import DataError, one_line

FOLDER = "imagenet"
META = "meta.bin"
DEVKIT = "ILSVRC2012_devkit_t12"
TRUTH = "data/ILSVRC2012_validation_ground_truth.txt"
LAYOUT = (
    "there must be train/ and val/, each with a folder of images per class, as"
    " torchvision.datasets.ImageNet leaves them; nothing is downloaded: put them there, or name a"
    " folder that has imagenet/ with --data-root or BENCH_DATA"
)


def open_source(name: str, root: Path) -> Source:
    """The photographs; class names are WordNet identifiers. `data.size` has to be set.

    Lists the files and decodes none. Raises DataError, of one line, where something is missing.
    """
    folder = root / FOLDER
    for part in ("train", "val"):
        if not (folder / part).is_dir():
            raise DataError(f"{name}: {files.show_path(folder / part)} is missing: {LAYOUT}")
    remarks = Remarks()
    train = files.find_class_folders(name, folder / "train", remarks.ignored)
    if any(entry.is_dir() for entry in files.scan(name, folder / "val", Counter())):
        test = files.find_class_folders(name, folder / "val", remarks.ignored)
        return image_folder.open_parts(name, folder, {"train": train, "test": test}, remarks)
    entries = files.scan(name, folder / "val", remarks.ignored)
    images = [entry.path for entry in entries if files.is_image(entry)]
    remarks.ignored[files.STRAY] += len(entries) - len(images)
    classes = _read_classes(name, folder)
    if len(classes) != len(images):
        raise DataError(
            f"{name}: {files.show_path(folder / 'val')} has {len(images):,} images, and the class"
            f" of {len(classes):,} is known from {META} or {DEVKIT}/: put all of them there"
        )
    by_class: dict[str, list[str]] = {label: [] for label in train}
    for path, label in zip(images, classes, strict=True):  # both by name
        if label in by_class:
            by_class[label].append(path)
    return image_folder.open_listed(name, folder, train, by_class, remarks)


def _read_classes(name: str, folder: Path) -> Sequence[str]:
    """The WordNet identifier of every validation photograph, in the order of their names."""
    if (folder / META).is_file():
        try:
            _, classes = torch.load(folder / META, weights_only=True)
            return [str(label) for label in classes]
        except Exception as error:  # a file of another kind can fail in any way
            raise DataError(
                f"{name}: {files.show_path(folder / META)} is not what torchvision writes"
                f" ({one_line(error)[:200]}): delete it, and put {DEVKIT}/ beside it"
            ) from error
    kit = folder / DEVKIT
    try:
        numbers = [int(line) for line in (kit / TRUTH).read_text().split()]
        identifiers = _read_meta(kit / "data" / "meta.mat")
        return [identifiers[number] for number in numbers]
    except ImportError as error:
        raise DataError(f"{name}: reading {DEVKIT}/ needs scipy: pip install scipy") from error
    except FileNotFoundError as error:
        raise DataError(
            f"{name}: {files.show_path(folder / 'val')} has images outside of class folders, and"
            f" neither {META} nor {DEVKIT}/ is beside it to say their classes: {LAYOUT}"
        ) from error
    except Exception as error:  # scipy raises many types for damaged files
        raise DataError(
            f"{name}: {files.show_path(kit)} cannot be read ({one_line(error)[:200]}): put the"
            " development kit of ILSVRC2012 (tasks 1 and 2) there"
        ) from error


def _read_meta(path: Path) -> Mapping[int, str]:
    """Number of a class -> its WordNet identifier; inner nodes of WordNet are left out."""
    from scipy.io import loadmat

    synsets: Any = loadmat(path, squeeze_me=True)["synsets"]
    rows = [(int(row[0]), str(row[1]), int(row[4])) for row in synsets]
    return {number: identifier for number, identifier, children in rows if children == 0}
