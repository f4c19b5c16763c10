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

    def __post_init__(self) -> None:
        """Raises ValueError for operations that are unknown, named twice or too few."""
        unknown = [name for name in self.operations if name not in DARTS_OPERATIONS]
        if unknown:
            known = ", ".join(DARTS_OPERATIONS)
            raise ValueError(f"operations: unknown {unknown[0]!r}; known: {known}")
        if len(set(self.operations)) != len(self.operations):
            raise ValueError("operations: one is named twice")
        if len([name for name in self.operations if name != "none"]) < 2:
            raise ValueError("operations: at least two besides none are needed to search")
