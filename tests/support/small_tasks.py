"""Small tasks for tests of methods."""

from __future__ import annotations

from typing import Any

import torch

from bench.data.config import DataConfig
from bench.data.splits import Pool, SearchData, Split
from bench.method import Method, Task
from bench.space.config import SpaceConfig
from bench.training.config import SearchConfig
from bench.training.search import SearchArguments, build
from methods.controls.random_choice import RandomChoice, RandomConfig

OPERATIONS = ("none", "max_pool_3x3", "skip_connect", "sep_conv_3x3", "dil_conv_3x3")
TRAIN_IMAGES = 100


def space(
    nodes: int = 2, cells: int = 3, channels: int = 2, operations: tuple[str, ...] = OPERATIONS
) -> SpaceConfig:
    return SpaceConfig(operations=operations, nodes=nodes, cells=cells, channels=channels)


def data(size: int = 8) -> SearchData:
    """100 training and 20 validation images of three classes."""
    generator = torch.Generator().manual_seed(0)
    count = TRAIN_IMAGES + 20
    images = torch.randint(0, 256, (count, 1, size, size), generator=generator).to(torch.uint8)
    labels = torch.randint(0, 3, (count,), generator=generator)
    pool = Pool(images, labels, torch.full((1,), 127.5), torch.full((1,), 73.6))
    order = torch.randperm(count, generator=generator)
    train, validation = Split(pool, order[:TRAIN_IMAGES]), Split(pool, order[TRAIN_IMAGES:])
    return SearchData("noise", ("a", "b", "c"), (1, size, size), "0" * 64, train, validation)


def search_arguments(
    method: type[Method],
    options: Any,
    config: SpaceConfig | None = None,
    *,
    seed: int = 0,
    **budget: Any,
) -> SearchArguments:
    """A search of a method in this space; `budget`: changes of its SearchConfig."""
    search = SearchConfig(**{"epochs": 2, "batch_size": 4, **budget})
    return SearchArguments(method, options, config or space(), search, data(), DataConfig(), seed)


def task(config: SpaceConfig | None = None, *, seed: int = 0, epochs: int = 2) -> Task:
    """The task that a method of this space and seed would be told."""
    arguments = search_arguments(RandomChoice, RandomConfig(), config, seed=seed, epochs=epochs)
    return build(arguments)[0].task
