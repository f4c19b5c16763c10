"""The width of a discrete network under a budget of parameters.

Cells are compared at equal budgets by scaling the channels of the first cell: found networks of
one depth and width differ in their parameters by what operations they have.
"""

from __future__ import annotations

import contextlib
import dataclasses

import torch

from bench.errors import ConfigurationError
from bench.space.building import build_network
from bench.space.config import SpaceConfig
from bench.space.genotype import Genotype
from bench.space.layers import Layers
from bench.space.options import NetworkOptions
from bench.training.config import EvaluationConfig
from bench.training.measure import deployed

NARROWEST = {"cifar": 1, "mobile": 2}
"""Channels of the first cell at least; the mobile stem's first convolution has half of them."""


def count_parameters(genotype: Genotype, space: SpaceConfig, options: NetworkOptions) -> int:
    """Trainable parameters of the network that predicts: a record's `evaluation.parameters`.

    One for each weight, whatever `options.layers` are: a Gaussian weight counts by its mean alone,
    and the auxiliary head not at all.
    """
    plain = dataclasses.replace(options, layers=Layers(), auxiliary=False)
    with torch.device("meta"):  # no number is computed, none is drawn
        network = build_network(genotype, space, plain)
    return sum(parameter.numel() for _, parameter in deployed(network))


def choose_channels(
    genotype: Genotype, space: SpaceConfig, options: NetworkOptions, budget: int
) -> int:
    """The most channels of the first cell with which the network has at most `budget` parameters.

    options: its `channels` plays no part. Raises ConfigurationError where the narrowest network has
    more.
    """

    def count(channels: int) -> int:
        return count_parameters(genotype, space, dataclasses.replace(options, channels=channels))

    most = NARROWEST[options.skeleton]
    if (least := count(most)) > budget:
        unit = "channel" if most == 1 else "channels"
        raise ConfigurationError(
            f"evaluation.parameters = {budget}: the narrowest network, of {most} {unit}, has"
            f" {least:,} parameters"
        )
    too_many = 2 * most
    while count(too_many) <= budget:
        most, too_many = too_many, 2 * too_many
    while too_many - most > 1:  # every tensor grows with the channels, and so does the count
        middle = (most + too_many) // 2
        if count(middle) <= budget:
            most = middle
        else:
            too_many = middle
    return most


def check_budget(
    config: EvaluationConfig,
    space: SpaceConfig,
    image_shape: tuple[int, int, int],
    classes: int,
    genotype: str | None,
) -> None:
    """Raise ConfigurationError where no network is within the config's budget of parameters.

    genotype: as text; None is an empty cell, whose network has the fewest parameters.
    """
    assert config.parameters is not None
    options = NetworkOptions(
        config.cells, config.channels, image_shape, classes, skeleton=config.skeleton
    )
    if genotype is not None:
        cell = Genotype.from_text(genotype)
    else:
        kinds = {position.kind for position in space.positions(config.cells)}
        cell = Genotype(space.name, dict.fromkeys(kinds, ((),) * space.graph.nodes))
    with contextlib.suppress(ValueError):  # cells of other positions than its: the trial says it
        choose_channels(cell, space, options, config.parameters)
