"""The compact form of a pruned network predicts the same with fewer parameters."""

from __future__ import annotations

import itertools

import torch

from bench.noise import Noise
from bench.space.compact import CompactPair, compact
from bench.space.config import SpaceConfig
from bench.space.genotype import Genotype
from bench.space.layers import Convolution, Layers
from bench.space.network import DiscreteNetwork
from bench.space.options import NetworkOptions
from methods.variational.layers import VariationalLayers

GENOTYPE = Genotype(
    "darts",
    {
        "normal": ((("sep_conv_3x3", 0), ("dil_conv_5x5", 1)), (("skip_connect", 0),)),
        "reduce": ((("max_pool_3x3", 0), ("sep_conv_5x5", 1)), (("skip_connect", 1),)),
    },
)


def network(layers: Layers) -> DiscreteNetwork:
    torch.manual_seed(0)
    space = SpaceConfig(nodes=2)
    made = DiscreteNetwork(
        GENOTYPE, space, NetworkOptions(3, 6, (3, 8, 8), 4, auxiliary=True, layers=layers)
    )
    made.double()
    for _ in range(3):  # statistics that are not the initial ones
        made(torch.randn(8, 3, 8, 8, dtype=torch.double))
    return made.eval()


def kill_channels(made: DiscreteNetwork) -> int:
    """Zero some depthwise kernels and some columns of 1x1 convolutions; how many channels died."""
    died = 0
    convolutions = [m for m in made.modules() if isinstance(m, Convolution)]
    for first, second in itertools.pairwise(convolutions):
        if first.depthwise:
            with torch.no_grad():
                first.weight[0] = 0
                second.weight[:, 2] = 0
                first.weight[3, 0, 0, 0] = 0  # one weight alone kills nothing
            died += 2
    return died


def test_same_predictions_without_the_dead_channels() -> None:
    made = network(Layers())
    died = kill_channels(made)
    assert died > 0
    smaller = compact(made)
    images = torch.randn(5, 3, 8, 8, dtype=torch.double)
    torch.testing.assert_close(smaller(images)[0], made(images)[0], rtol=1e-10, atol=1e-12)
    pairs = [m for m in smaller.modules() if isinstance(m, CompactPair)]
    assert sum(p.pointwise.shape[0] - len(p.channels) for p in pairs) == died
    assert not any(isinstance(m, Convolution) and m.depthwise for m in smaller.modules())


def test_no_variational_part_is_left_and_it_can_be_saved(tmp_path) -> None:
    made = network(VariationalLayers(Noise()))
    smaller = compact(made)
    assert not any(name.endswith("log_variance") for name, _ in smaller.named_parameters())
    images = torch.randn(5, 3, 8, 8, dtype=torch.double)
    torch.testing.assert_close(smaller(images)[0], made(images)[0], rtol=1e-10, atol=1e-12)
    torch.save(smaller, tmp_path / "network.pt")
    loaded = torch.load(tmp_path / "network.pt", weights_only=False)
    torch.testing.assert_close(loaded(images)[0], smaller(images)[0], rtol=0, atol=0)


def test_a_pair_with_nothing_alive_gives_zeros() -> None:
    depthwise, pointwise = Convolution(4, 4, 3, depthwise=True), Convolution(4, 4, 1)
    torch.nn.init.zeros_(depthwise.weight)
    assert not CompactPair(depthwise, pointwise)(torch.randn(2, 4, 5, 5)).any()
