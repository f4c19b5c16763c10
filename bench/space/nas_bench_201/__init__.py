"""The NAS-Bench-201 space: options, super-network, discrete network."""

from bench.space.nas_bench_201.config import (
    NAS_BENCH_201_OPERATIONS,
    STAGES,
    NasBench201Config,
)

__all__ = ["NAS_BENCH_201_OPERATIONS", "STAGES", "NasBench201Config"]
