"""Batched augmentation against a loop over images with the same draws, and its distribution."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from bench.data.augmentation import Augmentation


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def crops_and_flips(image: Tensor, padding: int, flip: bool) -> list[Tensor]:
    """Every result that one image [channels, height, width] may have, by plain slicing."""
    channels, height, width = image.shape
    padded = torch.zeros(channels, height + 2 * padding, width + 2 * padding, dtype=image.dtype)
    padded[:, padding : padding + height, padding : padding + width] = image
    crops = [
        padded[:, top : top + height, left : left + width]
        for top in range(2 * padding + 1)
        for left in range(2 * padding + 1)
    ]
    return crops + [crop.flip(2) for crop in crops] if flip else crops


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 3), st.booleans(), st.integers(1, 3), st.integers(3, 6), st.integers(3, 6))
def test_each_image_is_one_of_its_crops_and_flips(
    padding: int, flip: bool, channels: int, height: int, width: int
) -> None:
    images = torch.randint(1, 256, (5, channels, height, width), generator=generator())
    images = images.to(torch.uint8)
    moved = Augmentation(padding, flip).move(images, generator(1))
    assert moved.dtype == torch.uint8
    for image, result in zip(images, moved, strict=True):
        assert any(torch.equal(result, other) for other in crops_and_flips(image, padding, flip))


def test_every_crop_and_flip_is_equally_likely() -> None:
    image = torch.arange(1, 17, dtype=torch.uint8).view(1, 4, 4)
    possible = crops_and_flips(image, 1, True)
    count = 18 * 2000
    moved = Augmentation(1, True).move(image.expand(count, 1, 4, 4), generator())
    hits = torch.tensor([(moved == other).all(3).all(2).all(1).sum() for other in possible])
    assert hits.sum() == count
    chi_square = ((hits - 2000.0) ** 2 / 2000).sum()
    assert chi_square < 45  # 17 degrees of freedom: exceeded with probability 0.0002


def test_cutout_zeroes_the_square_of_darts_in_all_channels() -> None:
    """Reference: quark0/darts utils.py Cutout, enumerated over its centres."""
    height, width, length = 6, 8, 4
    masks = set()
    for y in range(height):
        for x in range(width):
            mask = torch.ones(height, width)
            top, bottom = max(y - length // 2, 0), min(y + length // 2, height)
            left, right = max(x - length // 2, 0), min(x + length // 2, width)
            mask[top:bottom, left:right] = 0
            masks.add(tuple(mask.flatten().tolist()))
    images = torch.ones(3000, 3, height, width)
    erased = Augmentation(cutout=length).erase(images, generator())
    assert torch.equal(erased[:, 0], erased[:, 1]) and torch.equal(erased[:, 0], erased[:, 2])
    assert {tuple(image.flatten().tolist()) for image in erased[:, 0]} == masks
    assert bool((images == 1).all())


def test_odd_cutout_keeps_its_side() -> None:
    erased = Augmentation(cutout=3).erase(torch.ones(200, 1, 9, 9), generator())
    assert int((erased == 0).sum((1, 2, 3)).max()) == 9


def test_nothing_on_changes_nothing_and_draws_nothing() -> None:
    source, images = generator(), torch.rand(2, 3, 4, 4)
    state = source.get_state()
    augmentation = Augmentation()
    assert augmentation.erase(augmentation.move(images, source), source) is images
    assert torch.equal(state, source.get_state())
