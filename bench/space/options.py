"""What super-network and discrete network are, besides their space and their genotype."""

from __future__ import annotations

from dataclasses import dataclass, field

from bench.noise import Noise
from bench.space.layers import Layers
from bench.space.skeleton import Skeleton


@dataclass(frozen=True)
class SupernetOptions:
    """Options of a super-network besides its space; the defaults are those of DARTS.

    layers: what its convolutions are made of.
    normalise_operations: normalise the output of all operations, the identity's too.
    partial: operations act on 1/partial of the channels (see `fused.partial`); 1: on all.
    surrogates: a 1x1 convolution behind every operation without weights.
    noise: the source of the draws of a mixture with variances, and of the operation `noise`.
    """

    layers: Layers = field(default_factory=Layers)
    normalise_operations: bool = False
    partial: int = 1
    surrogates: bool = False
    noise: Noise = field(default_factory=Noise)


@dataclass(frozen=True)
class NetworkOptions:
    """Options of a discrete network besides its genotype and its space.

    cells, channels: the skeleton's depth and width (of the first cell).
    image_shape: (channels, height, width) of the images.
    auxiliary: whether it has an auxiliary head. skeleton: its stem, and what its head is like.
    layers: what its convolutions are made of. noise: the source of drop path's draws.
    """

    cells: int
    channels: int
    image_shape: tuple[int, int, int]
    classes: int
    auxiliary: bool = False
    skeleton: Skeleton = "cifar"
    layers: Layers = field(default_factory=Layers)
    noise: Noise = field(default_factory=Noise)
