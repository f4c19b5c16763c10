"""Batches of a split: coverage, order, normalisation, purity."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from bench.data.augmentation import Augmentation
from bench.data.splits import EvaluationData, Pool, SearchData, Split

AUGMENTATION = Augmentation(crop_padding=2, flip=True, cutout=3)


@pytest.fixture
def split() -> Split:
    """23 of 40 images; the label of each is its number."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (40, 3, 8, 8), generator=generator).to(torch.uint8)
    mean, std = torch.tensor([100.0, 120.0, 140.0]), torch.tensor([50.0, 60.0, 70.0])
    pool = Pool(images, torch.arange(40), mean, std)
    return Split(pool, torch.randperm(40, generator=generator)[:23])


def epoch(split: Split, *arguments: object) -> tuple[Tensor, Tensor]:
    batches = list(split.epoch(*arguments))  # type: ignore[arg-type]
    return torch.cat([b.images for b in batches]), torch.cat([b.labels for b in batches])


def test_an_epoch_has_each_image_at_most_once_in_complete_batches(split: Split) -> None:
    batches = list(split.epoch(5, seed=0, epoch=0))
    assert len(batches) == split.steps(5) == 4
    assert [len(batch.labels) for batch in batches] == [5] * 4
    seen = torch.cat([batch.labels for batch in batches]).tolist()
    assert len(set(seen)) == 20 and set(seen) <= set(split.labels.tolist())


def test_a_batch_larger_than_the_split_is_the_split(split: Split) -> None:
    (batch,) = split.epoch(64, seed=0, epoch=0)
    assert split.steps(64) == 1
    assert sorted(batch.labels.tolist()) == sorted(split.labels.tolist())


def test_sequential_is_everything_in_order(split: Split) -> None:
    batches = list(split.sequential(10))
    assert [len(batch.labels) for batch in batches] == [10, 10, 3]
    assert torch.equal(torch.cat([batch.labels for batch in batches]), split.labels)


def test_mixed_is_everything_in_one_fixed_other_order(split: Split) -> None:
    mixed = split.mixed()
    assert mixed.indices.tolist() == split.mixed().indices.tolist() != split.indices.tolist()
    assert sorted(mixed.indices.tolist()) == sorted(split.indices.tolist())


def test_images_are_normalised_and_belong_to_their_labels(split: Split) -> None:
    images, labels = epoch(split, 23, 1, 2)
    assert images.dtype == torch.float32 and labels.dtype == torch.int64
    raw = split.pool.images[labels].double() / 255
    mean = torch.tensor([100.0, 120.0, 140.0]).double().view(3, 1, 1) / 255
    std = torch.tensor([50.0, 60.0, 70.0]).double().view(3, 1, 1) / 255
    torch.testing.assert_close(images.double(), (raw - mean) / std, atol=1e-6, rtol=1e-6)


def test_an_epoch_is_a_pure_function_of_seed_and_epoch(split: Split) -> None:
    first = epoch(split, 4, 7, 3, AUGMENTATION)
    torch.rand(5)  # the global generator has no part in it
    again = epoch(split, 4, 7, 3, AUGMENTATION)
    assert torch.equal(first[0], again[0]) and torch.equal(first[1], again[1])
    for seed, number in ((8, 3), (7, 4)):
        other = epoch(split, 4, seed, number, AUGMENTATION)
        assert not torch.equal(first[1], other[1])
    assert torch.equal(first[1], epoch(split, 4, 7, 3)[1])  # the order is the same without


def test_augmented_images_change_but_the_pool_does_not(split: Split) -> None:
    before = split.pool.images.clone()
    plain, augmented = epoch(split, 23, 0, 0), epoch(split, 23, 0, 0, AUGMENTATION)
    assert not torch.equal(plain[0], augmented[0])
    assert bool((augmented[0] == 0).flatten(1).any(1).all())  # cutout: zero after normalisation
    assert torch.equal(before, split.pool.images)


def test_beyond_the_border_is_black_before_normalisation(split: Split) -> None:
    white = Split(
        replace(split.pool, images=torch.full_like(split.pool.images, 255)), split.indices
    )
    images, _ = epoch(white, 23, 0, 0, Augmentation(crop_padding=2))
    levels = images[:, 0].unique()
    expected = torch.tensor([(0 - 100.0) / 50, (255 - 100.0) / 50])
    torch.testing.assert_close(levels, expected)


def test_augmentation_needs_a_generator(split: Split) -> None:
    with pytest.raises(ValueError, match="generator"):
        split.select(torch.tensor([0]), None, AUGMENTATION)


def test_the_parts_of_search_and_evaluation(split: Split) -> None:
    validation = Split(split.pool, torch.tensor([i for i in range(40) if i not in split.indices]))
    search = SearchData("x", ("a", "b"), (3, 8, 8), "", split, validation, split_seed=5)
    evaluation = EvaluationData(search, validation)
    weights, architecture = search.part("weights"), search.part("architecture")
    halves = (set(weights.indices.tolist()), set(architecture.indices.tolist()))
    assert (len(weights), len(architecture)) == (12, 11)
    assert not halves[0] & halves[1] and halves[0] | halves[1] == set(split.indices.tolist())
    reseeded = replace(search, split_seed=6).part("weights")
    assert not torch.equal(reseeded.indices, weights.indices)
    assert torch.equal(search.part("weights").indices, weights.indices)
    assert search.part("train") is split and search.part("validation") is validation
    assert evaluation.part("all").indices.tolist() == list(range(40))
    assert evaluation.part("weights") is weights
    assert search.classes == 2
    for name in ("test", "all"):
        with pytest.raises(ValueError, match="no part"):
            search.part(name)
