"""A mixture with variances: nodes drawn element by element, against the formula."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from hypothesis import example, given, settings
from support.cases import Case, cases, shipped
from support.comparing import apart, gradients, leaves, plain_of
from torch import Tensor

from bench.noise import Noise
from bench.space.config import SpaceConfig
from bench.space.mixture import CellMixture, Mixture
from bench.space.supernet import Supernet
from bench.testing.plain_supernet import PlainCell, PlainSupernet


class Recorded(Noise):
    """Remembers its normal draws."""

    def __init__(self) -> None:
        super().__init__()
        self.draws: list[Tensor] = []

    def normal(self, like: Tensor) -> Tensor:
        self.draws.append(super().normal(like))
        return self.draws[-1]


def with_variances(mixture: Mixture, seed: int) -> Mixture:
    generator = torch.Generator().manual_seed(seed)
    cells = {}
    for key, cell in mixture.cells.items():
        size = cell.weights.shape[-2:]
        spread = 0.1 + torch.rand(size, generator=generator, dtype=cell.weights.dtype)
        cells[key] = dataclasses.replace(cell, variances=spread.requires_grad_())
    return Mixture(cells)


def plain_forward(
    plain: PlainSupernet, images: Tensor, mixture: Mixture, draws: list[Tensor]
) -> Tensor:
    """Node = sum of weight * o(x) + eps * sqrt(sum of variance * o(x)^2 + 1e-8), edge by edge."""
    eps = iter(draws)
    before = last = plain.stem(images)
    for cell, position in zip(plain.cells, plain.positions, strict=True):
        assert isinstance(cell, PlainCell)
        part = mixture.cell(position.index, position.kind)
        before, last = last, plain_cell(cell, before, last, part, eps)
    return plain.classifier(last.mean((2, 3)))


def plain_cell(cell, before, last, mixture: CellMixture, eps) -> Tensor:
    states = [cell.pre_0(before), cell.pre_1(last)]
    assert mixture.variances is not None
    for node in range(cell.graph.nodes):
        noise = next(eps)
        mean, variance = torch.zeros_like(noise), torch.zeros_like(noise)
        for edge in cell.graph.of_node(node):
            for o, name in enumerate(cell.columns):
                kept = mixture.active
                if name == "none" or (kept is not None and edge not in kept.get(name, ())):
                    continue
                mask = mixture.masks.get(name)
                x = states[cell.graph.edges[edge][0]]
                y = cell.edges[edge][o](x, None if mask is None else mask[..., edge, :])
                mean = mean + mixture.weights[..., edge, o].reshape(-1, 1, 1, 1) * y
                variance = variance + mixture.variances[edge, o] * y.square()
        states.append(mean + noise * (variance + 1e-8).sqrt())
    return torch.cat(states[2:], 1)


def recorded(case: Case) -> tuple[Supernet, Recorded]:
    supernet, noise = case.supernet(torch.float64), Recorded()
    supernet.noise = noise
    return supernet, noise


@settings(max_examples=25, deadline=None)
@given(cases())
@example(shipped())
@example(shipped(channels_last=False))
@example(shipped(active=True, masks="example", weights="example", normalise_operations=True))
def test_equal_to_the_formula_with_the_same_noise(case: Case) -> None:
    fused, noise = recorded(case)
    plain = plain_of(case, fused, torch.float64)
    images = case.images(torch.float64)
    mixture = with_variances(case.mixture(fused, torch.float64), case.seed)
    found = fused(images, mixture)
    assert len(noise.draws) == case.space.cells * case.space.nodes
    expected = plain_forward(plain, images, mixture, noise.draws)
    assert apart(found, expected) <= 1e-9
    tensors = [images, *leaves(mixture)]
    for mine, theirs in zip(gradients(found, tensors), gradients(expected, tensors), strict=True):
        assert apart(mine, theirs) <= 1e-7  # the root of a variance near 0 has a large gradient


@pytest.mark.parametrize("channels_last", [False, True])
def test_mean_and_variance_by_monte_carlo(channels_last: bool) -> None:
    """Of one cell's only node, over 1,500 draws, against the closed form."""
    space = SpaceConfig(operations=("skip_connect", "dil_conv_3x3"), nodes=1, cells=3, channels=2)
    case = shipped(space=space, channels_last=channels_last, size=(4, 4), batch=3)
    fused = case.supernet(torch.float64)
    cell, position = fused.fused_cells()[0], fused.positions[0]
    torch.manual_seed(0)
    before = torch.randn(3, position.inputs[0], 4, 4, dtype=torch.float64)
    if channels_last:
        before = before.contiguous(memory_format=torch.channels_last)
    mixture = with_variances(case.mixture(fused, torch.float64), 0).cells["normal"]
    with torch.no_grad():
        states = [cell.preprocess[0](before), cell.preprocess[1](before)]
        mean, variance = cell.fused_stages()[0](states, mixture)
        noise = Noise()
        draws = torch.stack([cell(before, before, mixture, noise) for _ in range(1500)])
    error = (draws.mean(0) - mean) / (variance / len(draws)).sqrt()
    assert error.abs().max() < 5 and abs(error.square().mean() - 1) < 0.6
    ratio = draws.var(0) / variance
    assert (ratio - 1).abs().max() < 6 * (2 / len(draws)) ** 0.5
