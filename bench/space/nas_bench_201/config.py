"""The NAS-Bench-201 space: its options and its geometry.

Source: Dong and Yang 2020 (arXiv 2001.00326) and its public code. A cell has one input and three
nodes, each of which sums one operation (perhaps `none`) from every earlier state; the last node is
the cell's output. Stem, three stages of N cells with C, 2C and 4C channels, between them a residual
block of stride 2, then normalisation, ReLU, mean over pixels and a linear classifier.
"""

from __future__ import annotations

import dataclasses
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from bench.options import Count, options
from bench.space.config import SpaceConfig
from bench.space.skeleton import CellGraph, Position

NAS_BENCH_201_OPERATIONS: tuple[str, ...] = (
    "none",
    "skip_connect",
    "nor_conv_1x1",
    "nor_conv_3x3",
    "avg_pool_3x3",
)
STAGES = 3


@options
class NasBench201Config(SpaceConfig):
    """The NAS-Bench-201 space and the scale of its super-network.

    reduction: `residual` is the table's skeleton. `thin` is a departure from it: of the residual
    block only its shortcut is left, 2x2 average pooling and a 1x1 convolution. On small images the
    residual blocks' convolutions do most of the work, and hardly tell good cells from bad ones.
    """

    name: str = "nas-bench-201"
    """A registered space."""
    operations: tuple[str, ...] = NAS_BENCH_201_OPERATIONS
    """Candidate operations of an edge."""
    nodes: int = dataclasses.field(default=3, init=False)
    cells: Annotated[int, Field(ge=1, le=20)] = 5
    """N, cells of each of the three stages."""
    channels: Count = 16
    """C, channels of the first stage."""
    stem_multiplier: int = dataclasses.field(default=1, init=False)
    reduction: Literal["residual", "thin"] = "residual"
    """Blocks between stages; thin: average pooling and a 1x1 convolution."""

    known: ClassVar[tuple[str, ...]] = NAS_BENCH_201_OPERATIONS
    concatenates: ClassVar[bool] = False
    normalises_pooling: ClassVar[bool] = False
    has_auxiliary_head: ClassVar[bool] = False
    has_mobile_skeleton: ClassVar[bool] = False

    @property
    def graph(self) -> CellGraph:
        return CellGraph(inputs=1, nodes=self.nodes, keeps_all=True)

    def positions(self, cells: int | None = None, channels: int | None = None) -> list[Position]:
        """`cells` of each of the three stages; `channels` of the first one."""
        cells, channels = cells or self.cells, channels or self.channels
        return [
            Position(stage * cells + number, "normal", width, (width,), False)
            for stage, width in enumerate(channels * 2**s for s in range(STAGES))
            for number in range(cells)
        ]
