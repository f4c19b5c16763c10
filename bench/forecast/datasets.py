"""What is known of the images of a data set without reading, or downloading, all of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bench.data.config import DataConfig
from bench.data.division import divide
from bench.data.loading import data_root
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
    """How many images of each part are used; shape is (channels, height, width)."""

    train: int
    validation: int
    test: int
    shape: tuple[int, int, int]
    classes: int

    def count(self, part: str) -> int:
        """Images of a part that a phase may name."""
        whole = {"train": self.train, "all": self.train + self.validation}
        return whole.get(part, self.train // 2)

    @property
    def bytes(self) -> int:
        """Of all images in memory."""
        channels, height, width = self.shape
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
        channels, *sides = division.source.train.read(division.pool[:1], config.size).shape[1:]
        shape = (channels, sides[0], sides[1])
        parts = (len(division.train), len(division.validation), len(division.test))
        return Images(*parts, shape, len(division.source.class_names))
    side = config.size or known.shape[1]
    train = min(known.train, config.train_limit or known.train)
    validation = round(config.validation_fraction * train)
    test = min(known.test, config.test_limit or known.test)
    return Images(train - validation, validation, test, (known.shape[0], side, side), known.classes)
