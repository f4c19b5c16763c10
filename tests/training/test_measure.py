"""What is measured of a trained network: calibration by the textbook loop, inference time."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from support import tiny
from torch import Tensor

from bench.data.splits import Pool, Split
from bench.records import schema
from bench.training.measure import CALIBRATION_BINS, batch_seconds, measure, measure_lanes


def _split(labels: Tensor) -> Split:
    """Images of one pixel and two channels, which say their own number."""
    number = torch.arange(len(labels))
    images = torch.stack([number // 256, number % 256], 1)[..., None, None].to(torch.uint8)
    return Split(Pool(images, labels, torch.zeros(2), torch.ones(2)), number)


def _number(images: Tensor) -> Tensor:
    return (256 * images[:, 0] + images[:, 1]).flatten().long()


def _plain_ece(logits: np.ndarray, labels: np.ndarray) -> float:
    """Guo et al. 2017, equation 3, one image and one bin after the other."""
    bins: list[list[tuple[float, bool]]] = [[] for _ in range(CALIBRATION_BINS)]
    for row, label in zip(logits.astype(np.float64), labels, strict=True):
        p = np.exp(row - row.max()) / np.exp(row - row.max()).sum()
        place = min(int(p.max() * CALIBRATION_BINS), CALIBRATION_BINS - 1)
        bins[place].append((p.max(), p.argmax() == label))
    gaps = [
        len(one) * abs(np.mean([right for _, right in one]) - np.mean([c for c, _ in one]))
        for one in bins
        if one
    ]
    return sum(gaps) / len(labels)


@pytest.mark.parametrize("scale", [0.1, 1.0, 6.0])
def test_calibration_error_is_that_of_the_plain_loop(scale: float) -> None:
    generator = torch.Generator().manual_seed(3)
    logits = scale * torch.randn(331, 10, generator=generator)
    labels = torch.randint(10, (331,), generator=generator)
    found = measure(lambda images: logits[_number(images)], _split(labels), 64)
    assert found["ece"] == pytest.approx(_plain_ece(logits.numpy(), labels.numpy()), abs=1e-6)
    assert found["accuracy"] == (logits.argmax(-1) == labels).double().mean().item()
    expected = torch.nn.functional.cross_entropy(logits.double(), labels)
    assert found["nll"] == pytest.approx(expected.item(), rel=1e-6)


def test_calibration_of_certainty() -> None:
    labels = torch.tensor([0, 1, 0, 1])
    always_zero = torch.tensor([[1000.0, 0.0]]).expand(4, 2)
    found = measure(lambda images: always_zero[: len(images)], _split(labels), 3)
    assert (found["accuracy"], found["ece"]) == (0.5, 0.5)


def test_logits_that_are_not_finite_show_in_the_nll() -> None:
    found = measure(
        lambda images: torch.full((len(images), 2), math.nan), _split(torch.ones(3).long()), 2
    )
    assert math.isnan(found["nll"])


def test_inference_is_timed_on_one_batch() -> None:
    seen: list[int] = []

    def predict(images: Tensor) -> Tensor:
        seen.append(len(images))
        return images

    assert batch_seconds(predict, _split(torch.zeros(10).long()), 4) > 0
    assert seen == [4] * 6


@pytest.mark.parametrize("colours", [1, 3])
@pytest.mark.parametrize("wanted", [None, True, False])
def test_what_is_measured_gets_the_format_that_training_has(
    colours: int, wanted: bool | None
) -> None:
    """Of digits, too: with one channel the strides alone say what a convolution takes it for."""
    pool = Pool(
        torch.zeros(5, colours, 4, 6).byte(), torch.zeros(5).long(), *torch.ones(2, colours)
    )
    split = Split(pool, torch.arange(5))
    seen: list[tuple[int, ...]] = []

    def predict(images: Tensor) -> Tensor:
        seen.append(images.stride())
        return images.new_zeros(len(images), 2)

    measure(predict, split, 5, wanted)
    measure_lanes(lambda images: predict(images)[None], split, 5, wanted)
    batch_seconds(predict, split, 5, wanted)
    ordinary, last = (24 * colours, 24, 6, 1), (24 * colours, 1, 6 * colours, colours)
    assert set(seen) == {ordinary if wanted is False else last}


def test_evaluation_seeds_are_nested_in_the_search_seed(tmp_path: Path) -> None:
    """The first of three evaluations is the only one of a study that asks for one."""
    one = tiny.trial("random")
    several = tiny.trial("random", evaluation={"repeats": 3})
    assert one.id != several.id and one.search_id == several.search_id
    alone, record = (tiny.run(trial, tmp_path / trial.id[:8]).record for trial in (one, several))
    evaluation = tiny.lasting(record)["evaluation"]
    repeats = evaluation.pop("repeats")
    assert evaluation == tiny.lasting(alone)["evaluation"]
    losses = {part["test"]["nll"] for part in (evaluation, *repeats)}
    assert len(repeats) == 2 and len(losses) == 3
    assert schema.parse(json.loads(schema.text(record)), "several") == record


def test_an_option_that_older_records_lack_leaves_their_ids() -> None:
    trial = tiny.trial("random")
    assert "repeats" not in trial.configuration()["evaluation"]
