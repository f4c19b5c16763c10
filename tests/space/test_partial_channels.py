"""Partial channels against the plain form: every edge mixes, joins and shuffles for itself."""

from __future__ import annotations

import dataclasses

import pytest
import torch
import torch.nn.functional as F
from support.comparing import apart, loss
from support.plain_weights import copy_weights, pairs
from torch import Tensor

from bench.errors import ConfigurationError
from bench.space.config import SpaceConfig
from bench.space.mixture import CellMixture, Mixture
from bench.space.options import SupernetOptions
from bench.space.supernet import Supernet
from bench.testing.plain_supernet import PlainCell, PlainSupernet

SPACE = SpaceConfig(nodes=3, cells=3, channels=8)


def channel_shuffle(x: Tensor, groups: int) -> Tensor:
    """As the public code of PC-DARTS does it."""
    batch, channels, height, width = x.shape
    x = x.reshape(batch, groups, channels // groups, height, width)
    return x.transpose(1, 2).reshape(batch, -1, height, width)


class PartialCell(PlainCell):
    """One mixed operation per edge, on 1/groups of its source's channels."""

    def __init__(self, position, space, options):
        super().__init__(position, space, options)
        self.groups = options.partial

    def forward(self, before, last, mixture: CellMixture):
        states = [self.pre_0(before), self.pre_1(last)]
        for node in range(self.graph.nodes):
            total = 0
            for edge in self.graph.of_node(node):
                source = self.graph.edges[edge][0]
                x = states[source]
                first = x.shape[1] // self.groups
                mixed = sum(
                    mixture.weights[edge, o]
                    / mixture.bypass[edge]
                    * self.edges[edge][o](x[:, :first])
                    for o, name in enumerate(self.columns)
                    if name != "none"
                )
                others = x[:, first:]
                if self.reduces and source < 2:
                    others = F.max_pool2d(others, 2, 2)
                joined = channel_shuffle(torch.cat([mixed, others], 1), self.groups)
                total = total + mixture.bypass[edge] * joined
            states.append(total)
        return torch.cat(states[2:], 1)


class PartialSupernet(PlainSupernet):
    cell_type = PartialCell


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("groups", [2, 4])
def test_equal_to_a_loop_over_edges(groups: int, channels_last: bool) -> None:
    torch.manual_seed(groups)
    options = SupernetOptions(partial=groups)
    fused = Supernet(SPACE, (2, 8, 8), 3, options).double()
    plain = PartialSupernet(SPACE, (2, 8, 8), 3, options).double()
    copy_weights(fused, plain)
    edges = len(fused.graph.edges)
    cells = {
        kind: CellMixture(
            torch.rand(edges, len(SPACE.operations), dtype=torch.float64).requires_grad_(),
            bypass=(0.1 + torch.rand(edges, dtype=torch.float64)).requires_grad_(),
        )
        for kind in ("normal", "reduce")
    }
    images = torch.randn(4, 2, 8, 8, dtype=torch.float64)
    if channels_last:
        images = images.contiguous(memory_format=torch.channels_last)
    fast, slow = fused(images, Mixture(cells)), plain(images, Mixture(cells))
    assert apart(fast, slow) < 1e-10
    leaves = [t for cell in cells.values() for t in (cell.weights, cell.bypass)]
    matched = list(pairs(fused, plain))
    parameters = list(fused.parameters())
    found = torch.autograd.grad(loss(fast), [*leaves, *parameters])
    expected = torch.autograd.grad(loss(slow), [*leaves, *(mine for mine, _, _ in matched)])
    for mine, theirs in zip(found[: len(leaves)], expected[: len(leaves)], strict=True):
        assert apart(mine, theirs) < 1e-9
    of_fused = {id(p): g for p, g in zip(parameters, found[len(leaves) :], strict=True)}
    for (_, theirs, part), value in zip(matched, expected[len(leaves) :], strict=True):
        assert apart(part(of_fused[id(theirs)]), value) < 1e-9


def test_odd_sizes_and_missing_edge_weights() -> None:
    supernet = Supernet(SPACE, (1, 7, 9), 3, SupernetOptions(partial=4))
    edges = len(supernet.graph.edges)
    weights = torch.rand(edges, len(SPACE.operations))
    plain = {kind: CellMixture(weights) for kind in ("normal", "reduce")}
    ones = {kind: CellMixture(weights, bypass=torch.ones(edges)) for kind in plain}
    images = torch.randn(3, 1, 7, 9)
    torch.testing.assert_close(supernet(images, Mixture(plain)), supernet(images, Mixture(ones)))


def test_operations_have_fewer_parameters() -> None:
    whole = sum(p.numel() for p in Supernet(SPACE, (1, 8, 8), 3).cells.parameters())
    quarter = Supernet(SPACE, (1, 8, 8), 3, SupernetOptions(partial=4))
    part = sum(p.numel() for p in quarter.cells.parameters())
    assert part < whole / 2


def test_channels_that_cannot_be_parted_are_an_error() -> None:
    space = dataclasses.replace(SPACE, channels=6)
    with pytest.raises(
        ConfigurationError, match=r"space.channels = 6: must be a multiple of the 4"
    ):
        Supernet(space, (1, 8, 8), 3, SupernetOptions(partial=4))
