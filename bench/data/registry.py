"""The data sets by name. Importing this needs no torch; a data set's module is imported on use."""

from __future__ import annotations

import importlib
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from bench.data.config import OWN, DataConfig
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
    "imagenet": ("imagenet.photographs", "1,331,167 photographs in 1,000 classes, not downloaded"),
    "imagenet16": ("imagenet.downsampled", "the same at 16x16, not downloaded"),
    "imagenet32": ("imagenet.downsampled", "the same at 32x32, not downloaded"),
}


def names() -> dict[str, str]:
    """Every data set's name and one line about it."""
    described = {name: about for name, (_, about) in _REGISTERED.items()}
    own = "your own: one folder per class; with a name of its own: {name: NAME, folder: PATH}"
    return {**described, f"{FOLDER_PREFIX}PATH": own}


def check(config: DataConfig) -> None:
    """Raise ConfigurationError unless the data set's name and source go together.

    The name is a registered data set's, or image-folder: and a path, or, of a data set with a
    source of its own, another one that can name files.
    """
    name = config.name
    known = name in _REGISTERED
    if not config.is_own:
        if known or (name.startswith(FOLDER_PREFIX) and name != FOLDER_PREFIX):
            return
        raise ConfigurationError(
            f"unknown data set {name!r}; {suggest(name, names())}; one of your own needs a source:"
            f" {', '.join(OWN)}"
        )
    if known:
        raise ConfigurationError(f"{name} is a registered data set: give yours another name")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}", name):
        raise ConfigurationError(
            f"data set name {name!r}: must be at most 80 letters, digits, '.', '_' or '-' (it names"
            " files)"
        )


def open_source(config: DataConfig, root: Path) -> Source:
    """The data set, whose files are under `root` or are downloaded there.

    Raises ConfigurationError for an unknown name and DataError for missing or damaged files.
    """
    check(config)
    name = config.name
    path = config.folder or (name.removeprefix(FOLDER_PREFIX) if _is_folder(config) else None)
    if path is not None:
        from bench.data.own import files, image_folder

        return image_folder.open_source(name, files.resolve(name, path, root, os.path.isdir))
    if config.npz is not None:
        from bench.data.own import files, npz

        return npz.open_source(name, files.resolve(name, config.npz, root, os.path.isfile))
    if config.dataset is not None:
        from bench.data.own import torch_dataset

        return torch_dataset.open_source(name, config.dataset, root)
    module, _ = _REGISTERED[name]
    source: Source = importlib.import_module(f"bench.data.{module}").open_source(name, root)
    return source


def is_cheap(config: DataConfig) -> bool:
    """Whether opening the data set downloads nothing and runs nobody's code: it is on this disk."""
    return _is_folder(config) or config.npz is not None


def _is_folder(config: DataConfig) -> bool:
    named = not config.is_own and config.name.startswith(FOLDER_PREFIX)
    return config.folder is not None or named
