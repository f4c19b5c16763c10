"""The robust spaces S1 to S4: small subsets of the DARTS space on which DARTS fails.

Source: Zela, Elsken, Saikia, Marrakchi, Brox, Hutter 2020 (arXiv 1909.09656) and its public code
(automl/RobustDARTS, src/spaces.py). S1 has two operations of its own on every edge: of all DARTS
operations those that its authors kept by an offline search; the pairs below are the ones that they
published, of normal and reduction cells, in the order of the edges of a cell with four nodes.
"""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from bench.options import options
from bench.space.config import SpaceConfig
from bench.space.genotype import Genotype

_SKIP, _MAX, _AVERAGE = "skip_connect", "max_pool_3x3", "avg_pool_3x3"
_SEP3, _DIL3, _DIL5 = "sep_conv_3x3", "dil_conv_3x3", "dil_conv_5x5"
_POOLS = (_MAX, _AVERAGE)

S1_PAIRS: dict[str, tuple[tuple[str, str], ...]] = {
    "normal": (
        (_SKIP, _DIL3), (_SKIP, _DIL5),
        (_SKIP, _DIL5), (_SKIP, _SEP3), (_SKIP, _DIL3),
        (_MAX, _SKIP), (_SKIP, _SEP3), (_SKIP, _SEP3), (_SKIP, _DIL3),
        (_SKIP, _SEP3), (_MAX, _SKIP), (_SKIP, _DIL3), (_DIL3, _DIL5), (_DIL3, _DIL5),
    ),
    "reduce": (
        _POOLS, (_MAX, _DIL3),
        _POOLS, _POOLS, (_SKIP, _DIL5),
        _POOLS, (_MAX, _SEP3), (_SKIP, _DIL3), (_SKIP, _DIL5),
        _POOLS, _POOLS, (_SKIP, _DIL5), (_SKIP, _DIL5), (_SKIP, _DIL5),
    ),
}  # fmt: skip
CHOICES = ("choice_0", "choice_1")


@options
class _Robust(SpaceConfig):
    """A space whose operations are given; the scale of its super-network is not."""

    operations: tuple[str, ...] = dataclasses.field(default=(), init=False)


@options
class S1Config(_Robust):
    """Two operations an edge: columns of the mixing weights stand for other ones on every edge."""

    name: str = "s1"
    """A registered space."""
    operations: tuple[str, ...] = dataclasses.field(default=CHOICES, init=False)
    nodes: int = dataclasses.field(default=4, init=False)

    known: ClassVar[tuple[str, ...]] = CHOICES

    @property
    def named(self) -> tuple[str, ...]:
        pairs = (pair for of_kind in S1_PAIRS.values() for pair in of_kind)
        return tuple(dict.fromkeys(name for pair in pairs for name in pair))

    def choices(self, kind: str) -> tuple[tuple[str, ...], ...]:
        return S1_PAIRS[kind]

    def resolve(self, genotype: Genotype) -> Genotype:
        index = {edge: number for number, edge in enumerate(self.graph.edges)}
        cells = {}
        for key, cell in genotype.cells.items():
            pairs = S1_PAIRS[self.positions()[int(key)].kind if key.isdigit() else key]
            cells[key] = tuple(
                tuple(
                    (
                        pairs[index[source, node]][CHOICES.index(name)]
                        if name in CHOICES
                        else name,
                        source,
                    )
                    for name, source in chosen
                )
                for node, chosen in enumerate(cell)
            )
        return dataclasses.replace(genotype, cells=cells)


@options
class S2Config(_Robust):
    """Separable convolutions and skip connections."""

    name: str = "s2"
    """A registered space."""
    operations: tuple[str, ...] = dataclasses.field(default=(_SKIP, _SEP3), init=False)


@options
class S3Config(_Robust):
    """As S2, and `none`."""

    name: str = "s3"
    """A registered space."""
    operations: tuple[str, ...] = dataclasses.field(default=("none", _SKIP, _SEP3), init=False)


@options
class S4Config(_Robust):
    """Separable convolutions and noise, N(0, 1) an example and element whatever the input."""

    name: str = "s4"
    """A registered space."""
    operations: tuple[str, ...] = dataclasses.field(default=("noise", _SEP3), init=False)

    known: ClassVar[tuple[str, ...]] = ("noise", _SEP3)
