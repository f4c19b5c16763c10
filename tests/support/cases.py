"""Super-network cases: shapes, operation sets and mixtures, drawn by hypothesis."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from hypothesis import strategies as st
from torch import Tensor

from bench.space.building import build_supernet
from bench.space.config import DARTS_OPERATIONS, SpaceConfig
from bench.space.layers import Layers
from bench.space.mixture import CellMixture, Mixture
from bench.space.nas_bench_201.config import NAS_BENCH_201_OPERATIONS, NasBench201Config
from bench.space.options import SupernetOptions
from bench.space.supernet import Supernet

CLASSES = 3


@dataclass(frozen=True)
class Case:
    """What a test builds; `weights` and `masks` are None, "batch" or "example"."""

    space: SpaceConfig
    size: tuple[int, int]
    batch: int
    normalise_operations: bool
    channels_last: bool
    weights: str
    masks: str | None
    active: bool
    seed: int
    surrogates: bool = False

    def options(self, layers: Layers | None = None) -> SupernetOptions:
        return SupernetOptions(
            layers=layers or Layers(),
            normalise_operations=self.normalise_operations,
            surrogates=self.surrogates,
        )

    def supernet(self, dtype: torch.dtype, layers: Layers | None = None) -> Supernet:
        torch.manual_seed(self.seed)
        return build_supernet(self.space, (2, *self.size), CLASSES, self.options(layers)).to(dtype)

    def images(self, dtype: torch.dtype) -> Tensor:
        torch.manual_seed(self.seed + 1)
        images = torch.randn(self.batch, 2, *self.size, dtype=dtype)
        if self.channels_last:
            images = images.contiguous(memory_format=torch.channels_last)
        return images.requires_grad_()

    def mixture(self, supernet: Supernet, dtype: torch.dtype) -> Mixture:
        """By position where there are masks (their number follows the channels), else by type."""
        torch.manual_seed(self.seed + 2)
        edges = len(supernet.graph.edges)
        cells = {}
        for position in supernet.positions:
            key = str(position.index) if self.masks else position.kind
            if key in cells:
                continue
            lead = (self.batch,) if self.weights == "example" else ()
            weights = torch.randn(*lead, edges, len(self.space.operations), dtype=dtype)
            masks = {}
            if self.masks:
                lead = (self.batch,) if self.masks == "example" else ()
                for name, slices in supernet.slices(position.index).items():
                    if torch.rand(()) < 0.8:  # some operations have none
                        mask = torch.rand(*lead, edges, slices, dtype=dtype)
                        masks[name] = (mask * (torch.rand_like(mask) < 0.7)).requires_grad_()
            active = None
            if self.active:
                active = {
                    name: tuple(torch.arange(edges)[torch.rand(edges) < 0.5].tolist())
                    for name in self.space.operations
                    if name != "none" and torch.rand(()) < 0.8
                }
            cells[key] = CellMixture(weights.requires_grad_(), masks=masks, active=active)
        return Mixture(cells)


@st.composite
def cases(
    draw: st.DrawFn, smallest: int = 4, batches: tuple[int, int] = (2, 4), fewest: int = 1
) -> Case:
    """Any DARTS case of at least `smallest` pixels a side and `fewest` channels."""
    names = draw(st.lists(st.sampled_from(DARTS_OPERATIONS), min_size=3, max_size=8, unique=True))
    space = SpaceConfig(
        operations=tuple(names),
        nodes=draw(st.integers(1, 4)),
        cells=draw(st.integers(1, 5)),
        channels=draw(st.integers(fewest, 6)),
        stem_multiplier=draw(st.integers(1, 3)),
    )
    return draw(_of(space, smallest, batches))


@st.composite
def nas_bench_201_cases(draw: st.DrawFn) -> Case:
    """Any case of the NAS-Bench-201 space."""
    names = draw(
        st.lists(st.sampled_from(NAS_BENCH_201_OPERATIONS), min_size=3, max_size=5, unique=True)
    )
    space = NasBench201Config(
        operations=tuple(names),
        cells=draw(st.integers(1, 2)),
        channels=draw(st.integers(1, 4)),
        reduction=draw(st.sampled_from(["residual", "thin"])),
    )
    return draw(_of(space, 4, (2, 4)))


@st.composite
def _of(draw: st.DrawFn, space: SpaceConfig, smallest: int, batches: tuple[int, int]) -> Case:
    return Case(
        space=space,
        size=(draw(st.integers(smallest, 10)), draw(st.integers(smallest, 10))),
        batch=draw(st.integers(*batches)),
        normalise_operations=draw(st.booleans()),
        channels_last=draw(st.booleans()),
        weights=draw(st.sampled_from(["batch", "example"])),
        masks=draw(st.sampled_from([None, "batch", "example"])),
        active=draw(st.booleans()),
        seed=draw(st.integers(0, 10_000)),
        surrogates=draw(st.booleans()),
    )


def shipped(operations: tuple[str, ...] = DARTS_OPERATIONS, **options: object) -> Case:
    """A fixed case of all operations in normal and reduction cells."""
    defaults: dict[str, object] = {
        "space": SpaceConfig(operations=operations, nodes=3, cells=3, channels=4),
        "size": (8, 8),
        "batch": 4,
        "normalise_operations": False,
        "channels_last": True,
        "weights": "batch",
        "masks": None,
        "active": False,
        "seed": 0,
    }
    return Case(**{**defaults, **options})  # type: ignore[arg-type]
