"""The super-network and the discrete network of a space, whichever it is."""

from __future__ import annotations

from bench.errors import ConfigurationError
from bench.noise import Noise
from bench.space.config import SpaceConfig, no_auxiliary_head
from bench.space.genotype import Genotype
from bench.space.layers import Layers
from bench.space.nas_bench_201.config import NasBench201Config
from bench.space.nas_bench_201.network import NasBench201Network
from bench.space.nas_bench_201.supernet import NasBench201Supernet
from bench.space.network import DiscreteNetwork
from bench.space.supernet import Supernet


def build_supernet(
    space: SpaceConfig,
    image_shape: tuple[int, int, int],
    classes: int,
    layers: Layers | None = None,
    normalise_operations: bool = False,
    noise: Noise | None = None,
    partial: int = 1,
    surrogates: bool = False,
) -> Supernet:
    """The space's super-network; arguments as of `Supernet`."""
    rest = (image_shape, classes, layers, normalise_operations, noise, partial, surrogates)
    if isinstance(space, NasBench201Config):
        return NasBench201Supernet(space, *rest)
    return Supernet(space, *rest)


def build_network(
    genotype: Genotype,
    space: SpaceConfig,
    cells: int,
    channels: int,
    image_shape: tuple[int, int, int],
    classes: int,
    *,
    auxiliary: bool = False,
    layers: Layers | None = None,
    noise: Noise | None = None,
) -> DiscreteNetwork:
    """The space's discrete network of `cells` and `channels`, as of `DiscreteNetwork`.

    Raises ConfigurationError where the space's network has no auxiliary head.
    """
    if auxiliary and not space.has_auxiliary_head:
        raise ConfigurationError(no_auxiliary_head(space.name))
    genotype = space.resolve(genotype)
    if isinstance(space, NasBench201Config):
        return NasBench201Network(
            genotype, space, cells, channels, image_shape, classes, layers=layers, noise=noise
        )
    return DiscreteNetwork(
        genotype,
        cells,
        channels,
        image_shape,
        classes,
        stem_multiplier=space.stem_multiplier,
        auxiliary=auxiliary,
        layers=layers,
        noise=noise,
    )
