"""Batched crops and colours against torchvision's functions, image by image."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional

from bench.data.augmentation import Augmentation
from bench.data.config import DataConfig
from bench.data.resizing import centre
from bench.data.splits import Pool, Split
from bench.data.transforms.boxes import ASPECTS, draw_boxes, resample
from bench.data.transforms.colour import (
    ColourJitter,
    scale_brightness,
    scale_contrast,
    scale_saturation,
    shift_hue,
)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def pixels(count: int, height: int, width: int, channels: int = 3) -> Tensor:
    shape = (count, channels, height, width)
    return torch.randint(0, 256, shape, generator=generator(9)).to(torch.uint8)


@pytest.mark.parametrize(("height", "width"), [(24, 24), (17, 40)])
@pytest.mark.parametrize("side", [7, 16, 48])
def test_boxes_are_resampled_as_by_torchvision(height: int, width: int, side: int) -> None:
    images = pixels(12, height, width)
    boxes = draw_boxes(12, height, width, 0.08, generator())
    found = resample(images, boxes, side, side)
    for image, (top, left, rows, columns), own in zip(images, boxes.tolist(), found, strict=True):
        expected = functional.resized_crop(
            image.float(), top, left, rows, columns, [side, side], antialias=True
        )
        torch.testing.assert_close(own, expected, atol=2e-3, rtol=1e-5)


def test_the_whole_image_at_its_size_is_the_image() -> None:
    images = pixels(3, 9, 11)
    whole = torch.tensor([[0, 0, 9, 11]] * 3)
    assert torch.equal(resample(images, whole, 9, 11), images.float())


@pytest.mark.parametrize(("height", "width", "share"), [(32, 32, 0.08), (60, 20, 0.5), (9, 9, 1)])
def test_boxes_have_the_law_of_torchvisions(height: int, width: int, share: float) -> None:
    boxes = draw_boxes(4000, height, width, share, generator()).double()
    top, left, rows, columns = boxes.T
    assert bool(((top >= 0) & (top + rows <= height) & (rows >= 1)).all())
    assert bool(((left >= 0) & (left + columns <= width) & (columns >= 1)).all())
    torch.manual_seed(0)
    image = torch.zeros(1, height, width)
    drawn = torch.tensor([list(_params(image, share)) for _ in range(4000)], dtype=torch.float64)
    for own, other in zip(boxes.T, drawn.T, strict=True):
        spread = (own.var() + other.var()).sqrt() / 4000**0.5
        assert abs(own.mean() - other.mean()) <= 4 * spread + 1e-9
        assert abs(own.std() - other.std()) <= 0.06 * other.std() + 1e-9


def _crop(share: float) -> v2.RandomResizedCrop:
    return v2.RandomResizedCrop(8, scale=(share, 1.0), ratio=ASPECTS)


def _params(image: Tensor, share: float) -> tuple[int, int, int, int]:
    found = _crop(share).make_params([image])
    return found["top"], found["left"], found["height"], found["width"]


@pytest.mark.parametrize(
    ("ours", "theirs", "values"),
    [
        (scale_brightness, functional.adjust_brightness, (0.0, 0.6, 1.0, 1.7)),
        (scale_contrast, functional.adjust_contrast, (0.0, 0.6, 1.0, 1.7)),
        (scale_saturation, functional.adjust_saturation, (0.0, 0.6, 1.0, 1.7)),
        (shift_hue, functional.adjust_hue, (-0.5, -0.2, 0.0, 0.31)),
    ],
)
def test_colours_are_changed_as_by_torchvision(
    ours: object, theirs: object, values: tuple[float, ...]
) -> None:
    images = pixels(4, 6, 7).float() / 255
    images[0, :, 0] = 0.0  # black, grey and white pixels have no hue
    images[1, :, 0] = 0.4
    images[2, :, 0] = 1.0
    found = ours(images, torch.tensor(values))  # type: ignore[operator]
    for image, value, own in zip(images, values, found, strict=True):
        torch.testing.assert_close(own, theirs(image, value), atol=1e-5, rtol=1e-5)  # type: ignore[operator]


def test_contrast_of_grey_images_is_torchvisions() -> None:
    images = pixels(2, 6, 7, 1).float() / 255
    found = scale_contrast(images, torch.tensor([0.5, 1.5]))
    for image, value, own in zip(images, (0.5, 1.5), found, strict=True):
        torch.testing.assert_close(own, functional.adjust_contrast(image, value))


def test_every_image_has_colours_of_its_own_within_their_strengths() -> None:
    grey = torch.full((500, 3, 2, 2), 100, dtype=torch.uint8)
    factors = ColourJitter(brightness=0.4).apply(grey, generator())[:, 0, 0, 0] / 100
    assert 0.6 <= float(factors.min()) < 0.61 and 1.39 < float(factors.max()) <= 1.4
    assert len(factors.unique()) > 450
    assert ColourJitter(saturation=0.4, hue=0.2) and not ColourJitter()
    one_channel = pixels(3, 4, 4, 1)
    assert torch.equal(
        ColourJitter(saturation=0.4, hue=0.2).apply(one_channel, generator()).round(),
        one_channel.float(),
    )


@pytest.mark.parametrize(("height", "width"), [(8, 8), (9, 12)])
def test_the_middle_is_torchvisions(height: int, width: int) -> None:
    images = pixels(2, height, width)
    for side in (3, 4, 8):
        assert torch.equal(centre(images, side), functional.center_crop(images, [side, side]))


@pytest.mark.parametrize(("height", "width"), [(10, 10), (9, 12)])
def test_a_random_crop_is_a_window_of_its_image(height: int, width: int) -> None:
    images = pixels(200, height, width)
    found = Augmentation(crop=5, flip=True).move(images, generator())
    assert found.shape == (200, 3, 5, 5) and found.dtype == torch.uint8
    places = set()
    for image, own in zip(images, found, strict=True):
        windows = image.unfold(1, 5, 1).unfold(2, 5, 1).permute(1, 2, 0, 3, 4)
        for turned in (0, 1):
            same = (windows == (own.flip(2) if turned else own)).flatten(2).all(2).nonzero()
            places.update((turned, *place) for place in same.tolist())
    assert len(places) > 0.8 * 2 * (height - 4) * (width - 4)


def test_training_crops_at_random_and_evaluation_in_the_middle() -> None:
    images = pixels(40, 12, 12)
    statistics = torch.full((3,), 100.0), torch.full((3,), 50.0)
    split = Split(Pool(images, torch.arange(40), *statistics, crop=8), torch.arange(40))
    assert split.pool.shape == (3, 8, 8)
    config = DataConfig(crop=8, resized_crop=0.3, flip=True, brightness=0.4, hue=0.1)
    augmentation = Augmentation.of(config, cutout=2)
    (plain,) = split.sequential(40)
    assert torch.equal(plain.images, split.pool.normalise(centre(images, 8)))
    streamed = Split(replace(split.pool, streamed=True), split.indices)
    assert torch.equal(next(streamed.sequential(40)).images, plain.images)
    first, again = (next(iter(split.epoch(16, 1, 2, augmentation))) for _ in range(2))
    assert first.images.shape == (16, 3, 8, 8) and torch.equal(first.images, again.images)
    host = Split(replace(split.pool, streamed=True), split.indices)
    assert torch.equal(next(iter(host.epoch(16, 1, 2, augmentation))).images, first.images)
    other = next(iter(split.epoch(16, 1, 3, augmentation)))
    assert not torch.equal(other.images, first.images)
    assert split.select(torch.arange(4), generator(), Augmentation()).images.shape[2:] == (8, 8)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"crop": 20, "size": 16}, "crop = 20: must be at most size, which is 16"),
        ({"fit": "crop"}, "fit = crop needs size"),
        ({"resized_crop": 0.1, "crop_padding": 2}, "resized_crop and crop_padding"),
    ],
)
def test_what_does_not_go_together_is_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DataConfig(**options)  # type: ignore[arg-type]
