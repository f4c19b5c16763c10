"""Candidates with inherited weights: their accuracies do not depend on how they are computed."""

from __future__ import annotations

import pytest
import small_tasks
import torch

from bench.training.config import SearchConfig
from bench.training.search import build
from methods.candidates import ALIVE, BYTES, MOST, accuracies, lanes_that_fit
from methods.pgnas import Pgnas, PgnasConfig


@pytest.mark.parametrize("granularity", ["operation", "slice"])
def test_accuracies_do_not_depend_on_the_number_of_lanes(granularity: str) -> None:
    """Those of PGNAS's own candidates, one at a time through the super-network as the reference."""
    search = SearchConfig(epochs=2, batch_size=4)
    options = PgnasConfig(granularity=granularity, initial_drop=0.4)  # type: ignore[arg-type]
    data = small_tasks.data()
    method, supernet = build(Pgnas, options, small_tasks.space(), search, data, 0)
    assert isinstance(method, Pgnas)
    method.phases(supernet)
    candidates = method._draw(7, uniform=False)
    supernet.eval()
    expected = []
    for one in candidates:
        mixture = one.mixture(supernet.space.operations, torch.device("cpu"))
        with torch.no_grad():
            right = [
                (supernet(images, mixture).argmax(-1) == labels).sum()
                for images, labels in data.validation.sequential(8)
            ]
        expected.append(sum(map(int, right)) / len(data.validation))
    assert len(set(expected)) > 1
    for lanes in (1, 3, None):
        assert accuracies(candidates, supernet, data.validation, 8, lanes) == expected


def test_fewer_lanes_where_less_memory_may_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    search = SearchConfig(epochs=2, batch_size=4)
    data = small_tasks.data()
    _, supernet = build(Pgnas, PgnasConfig(), small_tasks.space(), search, data, 0)
    assert lanes_that_fit(supernet, data.validation, 250) == MOST
    # images, channels (of the reduction cell), pixels, bytes, edges of the first stage
    lane = 20 * 4 * 64 * 4 * 4 * ALIVE
    monkeypatch.setitem(BYTES, "cpu", 3 * lane)
    assert lanes_that_fit(supernet, data.validation, 250) == 3
    monkeypatch.setitem(BYTES, "cpu", 1)
    assert lanes_that_fit(supernet, data.validation, 250) == 1
