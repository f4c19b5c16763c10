"""Which architectures a search may find: the options of a space and its geometry."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from bench.options import Count, options
from bench.space.genotype import Genotype
from bench.space.skeleton import CellGraph, Position, darts_positions

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


@options
class SpaceConfig:
    """The DARTS space and the scale of its super-network; other spaces are subclasses.

    `operations` are what a choice is among: the columns of mixing weights. In most spaces they are
    operations; where every edge has operations of its own they stand for those (`resolve`).
    """

    name: str = "darts"
    """A registered space."""
    operations: tuple[str, ...] = DARTS_OPERATIONS
    """Candidate operations of an edge."""
    nodes: Annotated[int, Field(ge=1, le=8)] = 4
    """Intermediate nodes of a cell."""
    cells: Annotated[int, Field(ge=1, le=40)] = 8
    """Cells of the super-network."""
    channels: Count = 16
    """Channels of the super-network's first cell."""
    stem_multiplier: Count = 3
    """Channels of the stem = this times channels."""

    known: ClassVar[tuple[str, ...]] = DARTS_OPERATIONS
    """The operations that the space can have."""
    concatenates: ClassVar[bool] = True
    """Whether a cell's output is all its nodes side by side; else it is the last one."""
    normalises_pooling: ClassVar[bool] = True
    """Whether the super-network always normalises the output of pooling."""
    has_auxiliary_head: ClassVar[bool] = True
    """Whether its discrete network can have an auxiliary head."""
    has_mobile_skeleton: ClassVar[bool] = True
    """Whether its discrete network can have the mobile skeleton."""

    def __post_init__(self) -> None:
        """Raises ValueError for operations that are unknown, named twice or too few."""
        unknown = [name for name in self.operations if name not in self.known]
        if unknown:
            raise ValueError(f"operations: unknown {unknown[0]!r}; known: {', '.join(self.known)}")
        if len(set(self.operations)) != len(self.operations):
            raise ValueError("operations: one is named twice")
        if len([name for name in self.operations if name != "none"]) < 2:
            raise ValueError("operations: at least two besides none are needed to search")

    @property
    def named(self) -> tuple[str, ...]:
        """The operations that a genotype can name."""
        return self.operations

    def check(self, genotype: Genotype) -> None:
        """Raises ValueError for a genotype that is none of this space."""
        keys = {key for key in genotype.cells if not key.isdigit()}
        kinds = {position.kind for position in self.positions()}
        shape = {len(cell) for cell in genotype.cells.values()}
        if keys - kinds or shape != {self.nodes}:
            raise ValueError(
                f"cells {', '.join(genotype.cells)} of {', '.join(map(str, sorted(shape)))} nodes;"
                f" the space {self.name} has {', '.join(sorted(kinds))} of {self.nodes}"
            )
        for _, node, operation, source in genotype.pairs():
            if operation not in self.named:
                raise ValueError(f"operation {operation!r}: the space has {', '.join(self.named)}")
            if not 0 <= source < self.graph.inputs + node:
                raise ValueError(f"node {node} takes input from {source}, which is not before it")
        if genotype.outputs and not self.concatenates:
            raise ValueError(f"in the space {self.name} the output of a cell is its last node")

    @property
    def graph(self) -> CellGraph:
        """The cell's nodes and edges."""
        return CellGraph(inputs=2, nodes=self.nodes)

    def positions(self, cells: int | None = None, channels: int | None = None) -> list[Position]:
        """The cells of a network in order; by default those of the super-network."""
        cells, channels = cells or self.cells, channels or self.channels
        return darts_positions(cells, channels, self.nodes, self.stem_multiplier * channels)

    def mobile_positions(self, cells: int, channels: int) -> list[Position]:
        """The cells of the mobile skeleton, whose stem has `channels`, in order."""
        return darts_positions(cells, channels, self.nodes, channels, stem_reduces=True)

    def choices(self, kind: str) -> tuple[tuple[str, ...], ...] | None:
        """By edge the operation that each column stands for; None: the columns' own names."""
        return None

    def resolve(self, genotype: Genotype) -> Genotype:
        """The genotype with operations in place of columns that stand for them."""
        return genotype


def no_auxiliary_head(space: str) -> str:
    """What to say about an auxiliary head that is asked for where there is none."""
    return (
        f"networks of the space {space} have no auxiliary head: set evaluation.auxiliary_weight to"
        " 0"
    )


def no_mobile_skeleton(space: str) -> str:
    """What to say about a mobile skeleton that is asked for where there is none."""
    return (
        f"networks of the space {space} have no mobile skeleton, which is of DARTS's cells: set"
        " evaluation.skeleton to cifar"
    )
