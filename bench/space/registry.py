"""The search spaces by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bench.space.config import SpaceConfig
from bench.space.nas_bench_201.config import NasBench201Config
from bench.space.robust import CHOICES, S1Config, S2Config, S3Config, S4Config

SPACES: dict[str, tuple[type[SpaceConfig], str]] = {
    "darts": (
        SpaceConfig,
        "cells of two inputs, any set of pooling, skip, separable and dilated operations",
    ),
    "nas-bench-201": (
        NasBench201Config,
        "cells of four states, one of five operations on each of six edges; true accuracies known",
    ),
    "s1": (S1Config, "DARTS cells, two operations of its own on every edge (arXiv 1909.09656)"),
    "s2": (S2Config, "DARTS cells of separable convolutions and skip connections"),
    "s3": (S3Config, "DARTS cells of separable convolutions, skip connections and none"),
    "s4": (S4Config, "DARTS cells of separable convolutions and noise"),
}
"""Name -> options, one line."""


def names() -> dict[str, str]:
    """Name -> one line."""
    return {name: line for name, (_, line) in SPACES.items()}


def config(name: str) -> type[SpaceConfig]:
    """The options of a space. Raises KeyError for an unknown one."""
    return SPACES[name][0]


def selectable(configuration: Mapping[str, Any]) -> tuple[str, ...]:
    """The operations that a genotype of a configured space (of a record) can name."""
    named = tuple(str(name) for name in configuration["operations"])
    return S1Config().named if named == CHOICES else named
