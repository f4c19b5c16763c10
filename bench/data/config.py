"""What of a data set is used, and how."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from bench.options import Mark, NonNegative, Whole, options

if TYPE_CHECKING:
    from bench.data.resizing import Sizing

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
    fit: Annotated[Literal["stretch", "crop"], Mark.LATER] = "stretch"
    """How an oblong image becomes size x size: stretch it, or crop its middle square."""
    storage: Annotated[Literal["device", "host", "disk"] | None, Mark.LATER, Mark.HOW] = None
    """Where images are held: on the device, in host memory or in a file; null chooses by size."""
    crop_padding: Annotated[int, Field(ge=0, le=64)] = 0
    """Random crop after padding by this much."""
    flip: bool = False
    """Random horizontal flip."""
    crop: Annotated[int | None, Field(ge=4, le=1024), Mark.LATER] = None
    """Networks see crop x crop of the image: a random place in training, else the middle."""
    resized_crop: Annotated[float | None, Field(gt=0, le=1), Mark.LATER] = None
    """Train on a random box of at least this share of the area, resized to the crop."""
    brightness: Annotated[NonNegative, Mark.LATER] = 0.0
    """Random factor of the brightness, up to this much from 1."""
    contrast: Annotated[NonNegative, Mark.LATER] = 0.0
    """Random factor of the contrast, up to this much from 1."""
    saturation: Annotated[NonNegative, Mark.LATER] = 0.0
    """Random factor of the saturation, up to this much from 1."""
    hue: Annotated[float, Field(ge=0, le=0.5), Mark.LATER] = 0.0
    """Random shift of the hue, up to this share of the colour circle."""

    def __post_init__(self) -> None:
        """Raise ValueError where the data set has several sources or one that is none."""
        given = [key for key in OWN if getattr(self, key) is not None]
        if len(given) > 1:
            raise ValueError(f"has {' and '.join(given)}: one of {', '.join(OWN)} is allowed")
        if given and not getattr(self, given[0]):
            raise ValueError(f"{given[0]} is empty")
        if self.dataset is not None and not re.fullmatch(r"[\w.]+:[\w.]+", self.dataset):
            raise ValueError(f"dataset = {self.dataset!r}: must be module:function")
        if self.fit == "crop" and self.size is None:
            raise ValueError("fit = crop needs size")
        if self.crop is not None and self.size is not None and self.crop > self.size:
            raise ValueError(f"crop = {self.crop}: must be at most size, which is {self.size}")
        if self.resized_crop is not None and self.crop_padding:
            raise ValueError("has resized_crop and crop_padding: one of them is allowed")

    @property
    def sizing(self) -> Sizing | None:
        """How images are resized; None: not at all."""
        from bench.data.resizing import Sizing  # it imports torch

        return None if self.size is None else Sizing(self.size, self.fit == "crop")

    @property
    def is_own(self) -> bool:
        """Whether it is a data set of one's own with a name of its own."""
        return any(getattr(self, key) is not None for key in OWN)
