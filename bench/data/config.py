"""What of a data set is used, and how."""

from __future__ import annotations

from dataclasses import dataclass

from bench.options import option


@dataclass(frozen=True)
class DataConfig:
    """A data set, its splits and its augmentation. Lengths are in pixels of the used size."""

    name: str = option("digits", help="a registered data set or image-folder:PATH")
    split_seed: int = option(0, ge=0, help="seed of the train/validation(/test) split")
    validation_fraction: float = option(
        0.2, gt=0, lt=1, help="share of the training part held out for selection and tuning"
    )
    train_limit: int | None = option(
        None, ge=20, help="at most this many images for train and validation together"
    )
    test_limit: int | None = option(None, ge=10, help="at most this many test images")
    size: int | None = option(None, ge=4, le=1024, help="resize every image to size x size")
    crop_padding: int = option(0, ge=0, le=64, help="random crop after padding by this much")
    flip: bool = option(False, help="random horizontal flip")
