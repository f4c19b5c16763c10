"""The data sets by name. Importing this needs no torch; a data set's module is imported on use."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING

from bench.errors import ConfigurationError, suggest

if TYPE_CHECKING:
    from bench.data.source import Source

FOLDER_PREFIX = "image-folder:"

# Name: (the module whose `open_source(name, root)` reads it, one line about it).
_REGISTERED = {
    "digits": ("digits", "1,797 handwritten digits, 8x8 grey, comes with scikit-learn"),
    "mnist": ("idx", "70,000 handwritten digits, 28x28 grey"),
    "fashion-mnist": ("idx", "70,000 pictures of clothes, 28x28 grey"),
    "kmnist": ("idx", "70,000 Japanese characters, 28x28 grey"),
    "svhn": ("torchvision_sets", "99,289 house numbers, 32x32 colour"),
    "cifar10": ("torchvision_sets", "60,000 photographs in 10 classes, 32x32 colour"),
    "cifar100": ("torchvision_sets", "60,000 photographs in 100 classes, 32x32 colour"),
}


def names() -> dict[str, str]:
    """Every data set's name and one line about it."""
    described = {name: about for name, (_, about) in _REGISTERED.items()}
    return {**described, f"{FOLDER_PREFIX}PATH": "your own: train/ and test/, one folder a class"}


def check_name(name: str) -> None:
    """Raise ConfigurationError unless `name` is a data set's, or image-folder: and a path."""
    if name in _REGISTERED or (name.startswith(FOLDER_PREFIX) and name != FOLDER_PREFIX):
        return
    raise ConfigurationError(f"unknown data set {name!r}; {suggest(name, names())}")


def open_source(name: str, root: Path) -> Source:
    """The data set `name`, whose files are under `root` or are downloaded there.

    Raises ConfigurationError for an unknown name and DataError for missing or damaged files.
    """
    check_name(name)
    module, _ = _REGISTERED.get(name, ("image_folder", ""))
    return importlib.import_module(f"bench.data.{module}").open_source(name, root)
