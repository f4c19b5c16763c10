"""The spaces S1 to S4: fused against plain, noise, and pairs of operations by edge."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from support.cases import Case, shipped
from support.comparing import apart, assert_equal_in_float32, assert_equal_in_float64, plain_of

from bench.errors import ConfigurationError
from bench.noise import Noise
from bench.space import registry
from bench.space.building import build_network, build_supernet
from bench.space.genotype import Genotype
from bench.space.mixture import Mixture
from bench.space.options import NetworkOptions, SupernetOptions
from bench.space.robust import CHOICES, S1_PAIRS, S1Config, S2Config, S3Config, S4Config

SPACES = {"s1": S1Config, "s2": S2Config, "s3": S3Config, "s4": S4Config}


def case(name: str, **options: object) -> Case:
    sizes = {"cells": 3, "channels": 3} | ({} if name == "s1" else {"nodes": 3})
    return shipped(space=SPACES[name](**sizes), **options)


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("active", [False, True])
@pytest.mark.parametrize("normalise", [False, True])
@pytest.mark.parametrize("weights", ["batch", "example"])
@pytest.mark.parametrize("name", SPACES)
def test_fused_is_plain(
    name: str, weights: str, normalise: bool, active: bool, channels_last: bool
) -> None:
    made = case(
        name,
        weights=weights,
        active=active,
        normalise_operations=normalise,
        channels_last=channels_last,
    )
    assert_equal_in_float64(made)


@pytest.mark.parametrize("name", SPACES)
def test_fused_is_plain_in_float32(name: str) -> None:
    assert_equal_in_float32(case(name, batch=8))


@pytest.mark.parametrize("masks", ["batch", "example"])
@pytest.mark.parametrize("name", ["s2", "s3", "s4"])
def test_masks(name: str, masks: str) -> None:
    assert_equal_in_float64(case(name, masks=masks))


def test_masks_of_slices_are_refused_where_edges_differ() -> None:
    supernet = build_supernet(S1Config(cells=3, channels=2), (1, 8, 8), 3)
    with pytest.raises(ConfigurationError, match="space s1 has other operations on every edge"):
        supernet.slices(0)


def test_noise_is_normal_whatever_the_input_and_a_function_of_the_seed() -> None:
    noise = Noise()
    space = S4Config(nodes=1, cells=1, channels=4)
    supernet = build_supernet(space, (1, 16, 16), 3, SupernetOptions(noise=noise))
    operation = supernet.fused_cells()[0].fused_stages()[0].operations["noise"]
    drawn = []
    operation.register_forward_hook(lambda *call: drawn.append(call[2]))
    genotype = Genotype("s4", {"reduce": ((("noise", 0), ("noise", 1)),)})  # one cell reduces
    mixture = supernet.genotype_mixture(genotype)
    images = torch.randn(64, 1, 16, 16)
    for seed, x in ((1, images), (1, 3 * images), (2, images)):
        noise.reseed("noise", seed)
        supernet(x, mixture)
    assert drawn[0].shape == (64, 2 * 8, 8, 8)
    assert torch.equal(drawn[0], drawn[1]) and not torch.equal(drawn[0], drawn[2])
    count = drawn[0].numel()
    assert abs(drawn[0].mean()) < 5 / count**0.5
    assert abs(drawn[0].var() - 1) < 5 * (2 / count) ** 0.5
    rows = drawn[0].transpose(0, 1).flatten(1)  # edges and channels are independent draws
    off = torch.corrcoef(rows) - torch.eye(16)
    assert off.abs().max() < 6 / rows.shape[1] ** 0.5


def test_noise_in_the_discrete_network() -> None:
    cell = ((("noise", 0), ("sep_conv_3x3", 1)),)
    genotype = Genotype("s4", {"normal": cell, "reduce": cell})
    noise = Noise()
    network = build_network(
        genotype, S4Config(nodes=1), NetworkOptions(3, 4, (1, 8, 8), 3, noise=noise)
    ).eval()
    images = torch.randn(2, 1, 8, 8)
    outputs = []
    for seed in (1, 1, 2):
        noise.reseed(seed)
        outputs.append(network(images)[0])
    assert torch.equal(outputs[0], outputs[1]) and not torch.equal(outputs[0], outputs[2])


def test_the_spaces_operations_are_the_published_ones() -> None:
    assert {name: set(space().operations) for name, space in SPACES.items() if name != "s1"} == {
        "s2": {"sep_conv_3x3", "skip_connect"},
        "s3": {"sep_conv_3x3", "skip_connect", "none"},
        "s4": {"sep_conv_3x3", "noise"},
    }
    graph = S1Config().graph
    for pairs in S1_PAIRS.values():
        assert len(pairs) == len(graph.edges) == 14
        assert all(len(set(pair)) == 2 for pair in pairs)
    assert set(registry.selectable({"operations": list(CHOICES)})) == {
        "skip_connect", "max_pool_3x3", "avg_pool_3x3", "sep_conv_3x3", "dil_conv_3x3",
        "dil_conv_5x5",
    }  # fmt: skip


def test_the_columns_of_s1_stand_for_the_edges_own_operations() -> None:
    space = S1Config(cells=3, channels=2)
    cell = tuple(tuple((CHOICES[n % 2], s) for s in (0, n + 1)) for n in range(4))
    found = space.resolve(Genotype("s1", {"normal": cell, "reduce": cell, "1": cell}))
    edges = space.graph.edges
    for key, kind in (("normal", "normal"), ("reduce", "reduce"), ("1", "reduce")):
        for node, pairs in enumerate(found.cells[key]):
            for name, source in pairs:
                edge = edges.index((source, node))
                assert name == S1_PAIRS[kind][edge][node % 2]
    assert space.resolve(found) == found


def test_a_candidate_of_s1_is_the_network_of_its_operations_alone() -> None:
    made = case("s1", weights="batch")
    fused = made.supernet(torch.float64)
    cell = tuple(tuple((CHOICES[(n + s) % 2], s) for s in (n, n + 1)) for n in range(4))
    kept = fused.genotype_mixture(Genotype("s1", {"normal": cell, "reduce": cell}))
    cells = {
        key: dataclasses.replace(part, weights=part.weights.double())
        for key, part in kept.cells.items()
    }
    everything = {key: dataclasses.replace(part, active=None) for key, part in cells.items()}
    images = made.images(torch.float64)
    expected = plain_of(made, fused, torch.float64)(images.contiguous(), Mixture(everything))
    assert apart(fused(images, Mixture(cells)), expected) <= 1e-10


def test_an_operation_has_tensors_only_where_it_is() -> None:
    """Weights that nothing uses would be paid for by weight decay and KL terms."""
    space = S1Config(cells=3, channels=4)
    supernet = build_supernet(space, (1, 8, 8), 3)
    squares, number = supernet.squares(0)
    pairs = S1_PAIRS["normal"]
    for edge, pair in enumerate(pairs):
        for column, name in enumerate(pair):
            assert (number[edge, column] > 0) == ("conv" in name)
    operations = [s.operations for s in supernet.fused_cells()[0].fused_stages()]
    total = sum(p.square().sum() for o in operations for p in o.parameters())
    assert float(squares.sum()) == pytest.approx(float(total), rel=1e-5)
    assert number.sum() == sum(p.numel() for o in operations for p in o.parameters())
