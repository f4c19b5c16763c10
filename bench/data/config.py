"""What of a data set is used, and how."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from bench.options import Whole, options


@options
class DataConfig:
    """A data set, its splits and its augmentation. Lengths are in pixels of the used size."""

    name: str = "digits"
    """A registered data set or image-folder:PATH."""
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
