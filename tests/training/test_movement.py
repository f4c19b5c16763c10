"""What a trial's record says of how far its architecture moved."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from support import tiny

from bench.records import schema
from bench.records.parts import Architecture


@pytest.fixture(autouse=True)
def deterministic() -> Iterator[None]:
    yield
    torch.use_deterministic_algorithms(False)


def architecture(name: str, folder: Path, **search: float) -> Architecture | None:
    record = tiny.run(tiny.trial(name, search=search), folder).record
    assert isinstance(record, schema.FinishedRecord), record.error
    found = record.search.architecture
    if found is not None:
        epochs = [epoch.movement["sum_of_rates"] or 0.0 for epoch in record.search.epochs]
        assert found.sum_of_rates == pytest.approx(sum(epochs))
        assert record.search.epochs[-1].movement.get("entropy") == found.entropy
    return found


def test_darts_moves_by_its_rate_at_every_step(tmp_path: Path) -> None:
    """160 training images: two steps of 32 on a half, two epochs."""
    found = architecture("darts", tmp_path, epochs=2, rate_cap=8.0)
    assert found is not None and found.entropy is not None
    assert found.rate_factor == 8
    assert found.sum_of_rates == pytest.approx(4 * 8 * 3e-4)
    assert found.maximum_entropy == pytest.approx(math.log(len(tiny.OPERATIONS)))
    assert 0.99 < found.entropy / found.maximum_entropy < 1, "four small steps from uniform"


def test_a_larger_cap_moves_it_farther(tmp_path: Path) -> None:
    near, far = (
        architecture("darts", tmp_path / str(cap), epochs=2, rate_cap=cap) for cap in (1.0, 500.0)
    )
    assert near is not None and far is not None
    assert near.entropy is not None and far.entropy is not None
    assert far.entropy < near.entropy
    assert far.sum_of_rates == pytest.approx(500 * near.sum_of_rates)


def test_what_searches_without_a_distribution_says_its_rates_alone(tmp_path: Path) -> None:
    found = architecture("bayesnas", tmp_path, rate_cap=2.0)
    assert found is not None
    assert (found.entropy, found.maximum_entropy, found.rate_factor) == (None, None, 2)
    assert found.sum_of_rates > 0


def test_what_does_not_search_says_nothing(tmp_path: Path) -> None:
    assert architecture("random", tmp_path) is None
