"""Planted useless operations die and planted useful ones survive, on 5 seeds of 5.

On the planted toy the separable convolution alone can tell the classes apart; skip connection and
pooling are noise. Both edges carry the same tensor, so one separable convolution is all the data
need: a second one may die. Searched by the harness's own trainer with every method's defaults.
"""

from __future__ import annotations

from typing import Any

import pytest

from bench import plugins
from bench.data.config import DataConfig
from bench.testing import planted
from bench.training.config import SearchConfig
from bench.training.search import SearchArguments, search

SEEDS = range(5)
EPOCHS = 40  # 640 steps: log_alpha rises from -8 by at most 0.03 a step


def values(name: str, column: str, seed: int, **options: Any) -> tuple[list[float], list[float]]:
    """Of the last epoch, one an edge and operation: the useful ones', the useless ones'."""
    kind = plugins.load_method(name)
    arguments = SearchArguments(
        method=kind,
        options=kind.Config(**options),
        space=planted.SPACE,
        budget=SearchConfig(epochs=EPOCHS, batch_size=32),
        data=planted.data(seed).search,
        augmentation=DataConfig(),
        seed=seed,
    )
    outcome = search(arguments)
    last = [row for row in outcome.posterior if row["epoch"] == EPOCHS]
    useful = [row[column] for row in last if row["operation"] == planted.PLANTED]
    useless = [row[column] for row in last if row["operation"] not in (planted.PLANTED, "none")]
    assert (len(useful), len(useless)) == (2, 4)
    return useful, useless


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_vinnas(seed: int) -> None:
    useful, useless = values("vinnas", "log_alpha", seed)
    assert min(useless) > 3, "a useless operation is alive"
    assert min(useful) < 3, "no useful operation is alive"


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_pgnas(seed: int) -> None:
    useful, useless = values("pgnas", "drop_probability", seed, candidates=2)
    assert min(useless) > 0.5, "a useless operation is kept more often than not"
    assert min(useful) < 0.5, "no useful operation is kept"
