"""Which architectures a search may find."""

from __future__ import annotations

from dataclasses import dataclass

from bench.options import option

DARTS_OPERATIONS: tuple[str, ...] = (
    "none",
    "max_pool_3x3",
    "avg_pool_3x3",
    "skip_connect",
    "sep_conv_3x3",
    "sep_conv_5x5",
    "dil_conv_3x3",
    "dil_conv_5x5",
)


@dataclass(frozen=True)
class SpaceConfig:
    """The search space and the scale of its super-network (cells, channels)."""

    name: str = option("darts", help="a registered space")
    operations: tuple[str, ...] = option(DARTS_OPERATIONS, help="candidate operations of an edge")
    nodes: int = option(4, ge=1, le=8, help="intermediate nodes of a cell")
    cells: int = option(8, ge=1, le=40, help="cells of the super-network")
    channels: int = option(16, ge=1, help="channels of the super-network's first cell")
    stem_multiplier: int = option(3, ge=1, help="channels of the stem = this times channels")
