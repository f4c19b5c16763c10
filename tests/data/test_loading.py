"""Loading: splits, limits, sizes, statistics, digest; search cannot reach the test part."""

from __future__ import annotations

import gc
import sys
import types
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from bench.data import digits
from bench.data.config import DataConfig
from bench.data.loading import channel_statistics, data_root, digest, load
from bench.data.resizing import resize
from bench.data.splits import EvaluationData
from bench.errors import DataError

CPU = torch.device("cpu")


def reachable_tensors(start: object) -> list[Tensor]:
    """Every tensor that the garbage collector's graph of objects leads to from `start`."""
    skipped = (type, types.ModuleType, types.FunctionType, types.BuiltinFunctionType)
    seen: dict[int, object] = {}
    waiting = [start]
    while waiting:
        thing = waiting.pop()
        if id(thing) in seen or isinstance(thing, skipped):
            continue
        seen[id(thing)] = thing
        waiting += gc.get_referents(thing)
        if isinstance(thing, Tensor) and thing._base is not None:
            waiting.append(thing._base)
    return [thing for thing in seen.values() if isinstance(thing, Tensor)]


def images_of(data: EvaluationData, part: str) -> list[bytes]:
    split = data.test if part == "test" else data.search.part(part)
    return [image.numpy().tobytes() for image in split.pool.images[split.indices]]


def test_digits_splits_are_disjoint_complete_and_stratified() -> None:
    data = load(DataConfig(), None, CPU)
    sizes = [len(data.search.train), len(data.search.validation), len(data.test)]
    assert sizes == [1150, 288, 359] and sum(sizes) == 1797
    assert data.search.shape == (1, 8, 8) and data.search.classes == 10
    joined = torch.cat([data.search.train.indices, data.search.validation.indices])
    assert sorted(joined.tolist()) == list(range(1438))
    for split in (data.search.train, data.search.validation, data.test):
        share = torch.bincount(split.labels, minlength=10) / len(split)
        assert float((share - 0.1).abs().max()) < 0.01


def test_splits_are_a_pure_function_of_the_split_seed() -> None:
    one, same, other = (load(DataConfig(split_seed=seed), None, CPU) for seed in (1, 1, 2))
    for part in ("train", "validation", "weights", "architecture", "test"):
        assert images_of(one, part) == images_of(same, part)
        assert images_of(one, part) != images_of(other, part)
    assert one.search.digest == same.search.digest != other.search.digest


def test_search_reaches_no_test_image_or_label(image_folder: Callable[..., Path]) -> None:
    folder = image_folder()  # test pixels are 200 or more, all others below
    data = load(DataConfig(name=f"image-folder:{folder}"), None, CPU)
    for part in ("train", "weights", "architecture", "validation"):
        next(data.search.part(part).epoch(4, seed=0, epoch=0))
    data.part("all")
    assert int(data.test.pool.images.min()) >= 200
    hidden = {
        tensor.untyped_storage().data_ptr()
        for tensor in (data.test.pool.images, data.test.pool.labels)
    }
    found = reachable_tensors(data.search)
    assert any(tensor is data.search.train.pool.images for tensor in found)
    for tensor in found:
        assert tensor.untyped_storage().data_ptr() not in hidden
        if tensor.dtype == torch.uint8:
            assert int(tensor.max()) < 200
    from_evaluation = reachable_tensors(data)
    assert any(tensor is data.test.pool.labels for tensor in from_evaluation)  # the walk finds it


def test_limits_are_stratified_and_nested() -> None:
    config = DataConfig(train_limit=200, test_limit=50, validation_fraction=0.25)
    data = load(config, None, CPU)
    assert [len(data.search.train), len(data.search.validation), len(data.test)] == [150, 50, 50]
    assert len(data.search.train.pool.images) == 200 and len(data.test.pool.images) == 50
    for split, each in ((data.search.train, 15), (data.search.validation, 5), (data.test, 5)):
        assert float((torch.bincount(split.labels) - each).abs().max()) <= 1
    whole = load(replace(config, train_limit=None, test_limit=None), None, CPU)
    assert set(images_of(data, "test")) <= set(images_of(whole, "test"))
    pool = set(images_of(whole, "train") + images_of(whole, "validation"))
    assert set(images_of(data, "train") + images_of(data, "validation")) <= pool
    assert (
        load(replace(config, train_limit=10**6), None, CPU).search.train.pool.images.shape[0]
        == 1438
    )


def test_training_images_are_standardised_per_channel(image_folder: Callable[..., Path]) -> None:
    data = load(DataConfig(name=f"image-folder:{image_folder()}"), None, CPU)
    images = torch.cat([batch.images for batch in data.search.train.sequential(7)])
    mean, deviation = images.mean((0, 2, 3)), images.std((0, 2, 3), correction=0)
    torch.testing.assert_close(mean, torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(deviation, torch.ones(3), atol=1e-5, rtol=0)
    assert torch.equal(data.test.pool.mean, data.search.train.pool.mean)


def test_a_constant_channel_has_deviation_one() -> None:
    images = torch.full((3, 2, 4, 4), 7, dtype=torch.uint8)
    images[0, 1] = 9
    mean, std = channel_statistics(images, torch.tensor([0, 1]))
    assert mean.tolist() == [7.0, 8.0] and std.tolist() == [1.0, 1.0]


def test_resizing_is_the_antialiased_bilinear_one_in_any_chunks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    images = torch.randint(0, 256, (11, 3, 9, 6)).to(torch.uint8)
    whole = resize(images, 4)
    monkeypatch.setattr("bench.data.resizing.CHUNK_BYTES", 500)
    assert torch.equal(resize(images, 4), whole)
    exact = torch.nn.functional.interpolate(
        images.double(), size=(4, 4), mode="bilinear", antialias=True
    )
    assert float((whole - exact).abs().max()) <= 0.501
    assert torch.equal(resize(torch.full((1, 1, 7, 5), 255, dtype=torch.uint8), 3),
                       torch.full((1, 1, 3, 3), 255, dtype=torch.uint8))  # fmt: skip
    assert resize(whole, 4) is whole


def test_size_is_applied_to_both_parts() -> None:
    data = load(DataConfig(size=5, train_limit=60, test_limit=20), None, CPU)
    assert data.search.shape == (1, 5, 5)
    assert data.test.pool.images.shape == (20, 1, 5, 5)


def test_the_digest_sees_every_tensor() -> None:
    images, labels = torch.zeros(2, 1, 2, 2, dtype=torch.uint8), torch.tensor([0, 1])
    base = digest(images, labels)
    assert len(base) == 64 and base == digest(images.clone(), labels.clone())
    changed = images.clone()
    changed[1, 0, 1, 1] = 1
    others = [
        digest(changed, labels),
        digest(images, labels.flip(0)),
        digest(images.view(2, 2, 2, 1), labels),
    ]
    assert len({base, *others}) == 4


def test_the_root_is_the_argument_then_the_variable_then_the_cache(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("BENCH_DATA", "/of/the/variable")
    assert data_root(Path("/of/the/argument")) == Path("/of/the/argument")
    assert data_root(None) == Path("/of/the/variable")
    monkeypatch.setenv("BENCH_DATA", "")
    assert data_root(None) == Path.home() / ".cache" / "bench-data"


def test_too_few_images_are_refused(image_folder: Callable[..., Path]) -> None:
    folder = image_folder(train=1, test=1)
    with pytest.raises(DataError, match="2 training images cannot be split"):
        load(DataConfig(name=f"image-folder:{folder}"), None, CPU)


def test_without_scikit_learn_its_file_of_digits_will_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import sklearn.datasets

    content = (Path(sklearn.datasets.__file__).parent / "data" / digits.FILE).read_bytes()
    installed = digits.open_source("digits", tmp_path)
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(DataError, match=r"pip install scikit-learn, or copy its .*digits\.csv\.gz"):
        digits.open_source("digits", tmp_path)
    (tmp_path / digits.FILE).write_bytes(content)
    found, everything = digits.open_source("digits", tmp_path), torch.arange(1797)
    assert torch.equal(found.train.labels, installed.train.labels)
    assert torch.equal(found.train.read(everything, None), installed.train.read(everything, None))
    (tmp_path / digits.FILE).write_bytes(content[:9000])
    with pytest.raises(DataError, match=r"is not scikit-learn's digits\.csv\.gz"):
        digits.open_source("digits", tmp_path)
