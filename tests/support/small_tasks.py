"""Small tasks for tests of methods."""

from __future__ import annotations

import torch

from bench.data.splits import Pool, SearchData, Split
from bench.method import Task
from bench.space.config import SpaceConfig
from bench.training.config import SearchConfig
from bench.training.search import build
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


def task(config: SpaceConfig | None = None, *, seed: int = 0, epochs: int = 2) -> Task:
    """The task that a method of this space and seed would be told."""
    search = SearchConfig(epochs=epochs, batch_size=4)
    method, _ = build(RandomChoice, RandomConfig(), config or space(), search, data(), seed)
    return method.task
