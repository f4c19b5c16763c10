"""The super-network and the discrete network of a space, whichever it is."""

from __future__ import annotations

from bench.errors import ConfigurationError
from bench.space.config import SpaceConfig, no_auxiliary_head, no_mobile_skeleton
from bench.space.genotype import Genotype
from bench.space.nas_bench_201.config import NasBench201Config
from bench.space.nas_bench_201.network import NasBench201Network
from bench.space.nas_bench_201.supernet import NasBench201Supernet
from bench.space.network import DiscreteNetwork
from bench.space.options import NetworkOptions, SupernetOptions
from bench.space.supernet import Supernet


def build_supernet(
    space: SpaceConfig,
    image_shape: tuple[int, int, int],
    classes: int,
    options: SupernetOptions | None = None,
) -> Supernet:
    """The space's super-network; arguments as of `Supernet`."""
    if isinstance(space, NasBench201Config):
        return NasBench201Supernet(space, image_shape, classes, options)
    return Supernet(space, image_shape, classes, options)


def build_network(
    genotype: Genotype, space: SpaceConfig, options: NetworkOptions
) -> DiscreteNetwork:
    """The space's discrete network; the genotype may name columns that stand for operations.

    Raises ConfigurationError where the space's network has no auxiliary head or mobile skeleton.
    """
    if options.auxiliary and not space.has_auxiliary_head:
        raise ConfigurationError(no_auxiliary_head(space.name))
    if options.skeleton == "mobile" and not space.has_mobile_skeleton:
        raise ConfigurationError(no_mobile_skeleton(space.name))
    kind = NasBench201Network if isinstance(space, NasBench201Config) else DiscreteNetwork
    return kind(space.resolve(genotype), space, options)
