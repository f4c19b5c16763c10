"""Parameter counts of the DARTS reference code."""

from __future__ import annotations

import torch

from bench.space.config import SpaceConfig
from bench.space.genotype import Genotype
from bench.space.network import DiscreteNetwork
from bench.space.options import NetworkOptions
from bench.space.supernet import Supernet
from bench.training.measure import layer_table

DARTS_V2 = (
    "Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0),"
    " ('sep_conv_3x3', 1), ('sep_conv_3x3', 1), ('skip_connect', 0), ('skip_connect', 0),"
    " ('dil_conv_3x3', 2)], normal_concat=[2, 3, 4, 5], reduce=[('max_pool_3x3', 0),"
    " ('max_pool_3x3', 1), ('skip_connect', 2), ('max_pool_3x3', 1), ('max_pool_3x3', 0),"
    " ('skip_connect', 2), ('skip_connect', 2), ('max_pool_3x3', 1)], reduce_concat=[2, 3, 4, 5])"
)


def count(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def test_the_search_network_of_8_cells_and_16_channels() -> None:
    with torch.device("meta"):
        supernet = Supernet(SpaceConfig(cells=8, channels=16), (3, 32, 32), 10)
    assert count(supernet) == 1_930_618


def test_the_published_genotype_of_20_cells_and_36_channels() -> None:
    genotype = Genotype.from_darts_text(DARTS_V2)
    with torch.device("meta"):
        network = DiscreteNetwork(genotype, SpaceConfig(), NetworkOptions(20, 36, (3, 32, 32), 10))
    assert count(network) == 3_349_342


def test_the_auxiliary_head_is_not_counted_among_what_is_deployed() -> None:
    genotype = Genotype.from_darts_text(DARTS_V2)
    network, plain = (
        DiscreteNetwork(
            genotype, SpaceConfig(), NetworkOptions(4, 4, (3, 8, 8), 10, auxiliary=auxiliary)
        )
        for auxiliary in (True, False)
    )
    rows = layer_table(network)
    assert sum(row["parameters"] for row in rows) == count(plain) < count(network)
    assert {row["operation"] for row in rows} >= {"stem", "preprocess", "classifier"}


def test_the_auxiliary_head_answers_in_training_alone() -> None:
    pairs = (("skip_connect", 0), ("skip_connect", 1))
    genotype = Genotype("darts", {"normal": (pairs, pairs), "reduce": (pairs, pairs)})
    network = DiscreteNetwork(
        genotype, SpaceConfig(nodes=2), NetworkOptions(3, 4, (3, 8, 8), 5, auxiliary=True)
    )
    images = torch.randn(2, 3, 8, 8)
    assert network(images)[1].shape == (2, 5)
    assert network.eval()(images)[1] is None
