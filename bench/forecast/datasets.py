"""What is known of the images of a data set without reading, or downloading, all of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bench.data.config import DataConfig
from bench.data.division import divide
from bench.data.loading import data_root, find_shape
from bench.data.registry import open_source


@dataclass(frozen=True)
class Download:
    """A data set that is downloaded on first use.

    files: where its files are below the data root; megabytes: of the download.
    """

    files: str
    megabytes: int
    train: int
    test: int
    shape: tuple[int, int, int]
    classes: int = 10


DOWNLOADS = {
    "mnist": Download("MNIST/raw/train-images-idx3-ubyte*", 12, 60_000, 10_000, (1, 28, 28)),
    "fashion-mnist": Download(
        "FashionMNIST/raw/train-images-idx3-ubyte*", 31, 60_000, 10_000, (1, 28, 28)
    ),
    "kmnist": Download("KMNIST/raw/train-images-idx3-ubyte*", 21, 60_000, 10_000, (1, 28, 28)),
    "svhn": Download("train_32x32.mat", 246, 73_257, 26_032, (3, 32, 32)),
    "cifar10": Download("cifar-10-batches-py/data_batch_1", 170, 50_000, 10_000, (3, 32, 32)),
    "cifar100": Download("cifar-100-python/train", 169, 50_000, 10_000, (3, 32, 32), 100),
}


@dataclass(frozen=True)
class Images:
    """How many images of each part are used.

    shape: (channels, height, width) of what networks see; stored: of an image as it is held, where
    that is larger.
    """

    train: int
    validation: int
    test: int
    shape: tuple[int, int, int]
    classes: int
    stored: tuple[int, int, int] | None = None

    def count(self, part: str) -> int:
        """Images of a part that a phase may name."""
        whole = {"train": self.train, "all": self.train + self.validation}
        return whole.get(part, self.train // 2)

    @property
    def bytes(self) -> int:
        """Of all images as they are held."""
        channels, height, width = self.stored or self.shape
        return (self.train + self.validation + self.test) * channels * height * width


def find_missing(name: str, root: Path | None) -> Download | None:
    """What would be downloaded before the data set can be used, if anything."""
    known = DOWNLOADS.get(name)
    return known if known and not any(data_root(root).glob(known.files)) else None


def count(config: DataConfig, root: Path | None) -> Images:
    """The images that a study's data section leaves of a data set.

    Raises DataError where it is neither known nor can be read.
    """
    known = None if config.is_own else DOWNLOADS.get(config.name)
    if known is None:
        division = divide(open_source(config, data_root(root)), config)
        channels, *sides = division.source.train.read(division.pool[:1], config.sizing).shape[1:]
        stored = (channels, sides[0], sides[1])
        parts = (len(division.train), len(division.validation), len(division.test))
        shape = find_shape(config, stored)
        larger = stored if stored != shape else None
        return Images(*parts, shape, len(division.source.class_names), larger)
    side = config.size or known.shape[1]
    train = min(known.train, config.train_limit or known.train)
    validation = round(config.validation_fraction * train)
    test = min(known.test, config.test_limit or known.test)
    stored = (known.shape[0], side, side)
    shape = find_shape(config, stored)
    larger = stored if stored != shape else None
    return Images(train - validation, validation, test, shape, known.classes, larger)
