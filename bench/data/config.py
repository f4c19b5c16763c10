"""What of a data set is used, and how."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import Field

from bench.options import Mark, Whole, options

OWN = ("folder", "npz", "dataset")
"""Options that say where somebody's own data set comes from."""


@options
class DataConfig:
    """A data set, its splits and its augmentation. Lengths are in pixels of the used size.

    One of `folder`, `npz` and `dataset` makes it a data set of one's own, whose `name` is only
    what it is called; `bench.data.registry.check` says whether name and source go together.
    """

    name: str = "digits"
    """A registered data set, image-folder:PATH, or the name of one's own."""
    folder: Annotated[str | None, Mark.LATER] = None
    """Images in train/ and test/ with one folder per class, or in the class folders alone."""
    npz: Annotated[str | None, Mark.LATER] = None
    """A file with the arrays x_train and y_train, perhaps x_test and y_test, classes."""
    dataset: Annotated[str | None, Mark.LATER] = None
    """module:function, which is called with the data root and returns torch Datasets."""
    split_seed: Whole = 0
    """Seed of the train/validation(/test) split."""
    validation_fraction: Annotated[float, Field(gt=0, lt=1)] = 0.2
    """Share of the training part held out for selection and tuning."""
    train_limit: Annotated[int | None, Field(ge=20)] = None
    """At most this many images for train and validation together."""
    test_limit: Annotated[int | None, Field(ge=10)] = None
    """At most this many test images."""
    size: Annotated[int | None, Field(ge=4, le=1024)] = None
    """Resize every image to size x size."""
    crop_padding: Annotated[int, Field(ge=0, le=64)] = 0
    """Random crop after padding by this much."""
    flip: bool = False
    """Random horizontal flip."""

    def __post_init__(self) -> None:
        """Raise ValueError where the data set has several sources or one that is none."""
        given = [key for key in OWN if getattr(self, key) is not None]
        if len(given) > 1:
            raise ValueError(f"has {' and '.join(given)}: one of {', '.join(OWN)} is allowed")
        if given and not getattr(self, given[0]):
            raise ValueError(f"{given[0]} is empty")
        if self.dataset is not None and not re.fullmatch(r"[\w.]+:[\w.]+", self.dataset):
            raise ValueError(f"dataset = {self.dataset!r}: must be module:function")

    @property
    def is_own(self) -> bool:
        """Whether it is a data set of one's own with a name of its own."""
        return any(getattr(self, key) is not None for key in OWN)
