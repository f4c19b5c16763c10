"""Cells of a super-network: the stages of a fused cell, and how they are fed and read."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench.noise import Noise
from bench.space.config import SpaceConfig
from bench.space.cpu.normalisation import normalise
from bench.space.fused import partial as partial_channels
from bench.space.fused.stage import Stage
from bench.space.layers import FactorizedReduce, Layers
from bench.space.mixture import CellMixture
from bench.space.options import SupernetOptions
from bench.space.skeleton import Position


class FusedCell(nn.Module):
    """All operations on all edges between a cell's input states and its nodes."""

    def __init__(self, position: Position, space: SpaceConfig, options: SupernetOptions) -> None:
        super().__init__()
        self.nodes, self.partial = space.nodes, options.partial
        self.preprocess = self.make_preprocess(position, options.layers)
        choices = space.choices(position.kind)
        self.stages = nn.ModuleList(
            Stage(
                stage,
                position.channels // options.partial,
                2 if position.reduces and number == 0 else 1,
                space,
                options,
                None if choices is None else tuple(choices[edge] for edge in stage.edges),
            )
            for number, stage in enumerate(space.graph.stages)
        )

    def make_preprocess(self, position: Position, layers: Layers) -> nn.ModuleList:
        """What the cell's inputs go through first; here nothing."""
        return nn.ModuleList()

    def fused_stages(self) -> list[Stage]:
        """The stages, in order."""
        return [stage for stage in self.stages if isinstance(stage, Stage)]

    def mixed(self, states: list[Tensor], mixture: CellMixture, noise: Noise) -> list[Tensor]:
        """Input states, [batch, channels, height, width] each -> the nodes, likewise."""
        nodes: list[Tensor] = []
        # What is known so far of the nodes to come, side by side along the channels: node k gets
        # its last term from the stage that leaves node k - 1, and is then cut off the front.
        mean: Tensor | None = None
        variance: Tensor | None = None
        passed: Tensor | None = None
        for stage in self.fused_stages():
            left = self.nodes - len(nodes)
            if self.partial > 1:
                states, others = partial_channels.split(states, self.partial)
                past = partial_channels.bypass(others, stage.graph, mixture.bypass, stage.stride)
                passed = past if passed is None else passed + past
            added, spread = stage(states, mixture)
            node, mean = _cut_first(added if mean is None else mean + added, left)
            if spread is not None:
                variance = spread if variance is None else variance + spread
                own, variance = _cut_first(variance, left)
                node = node + noise.normal(node) * (own + 1e-8).sqrt()
            if passed is not None:
                other, passed = _cut_first(passed, left)
                node = partial_channels.shuffle(torch.cat([node, other], 1), self.partial)
            if mixture.shift is not None:
                node = node + mixture.shift[len(nodes)]
            nodes.append(node)
            states = [node]
        return nodes


class DartsCell(FusedCell):
    """Two inputs, each preprocessed; the nodes' concatenation."""

    def make_preprocess(self, position: Position, layers: Layers) -> nn.ModuleList:
        before, last = position.inputs
        return nn.ModuleList(
            [
                Preprocess(layers, before, position.channels, position.previous_reduces),
                Preprocess(layers, last, position.channels, False),
            ]
        )

    def inputs(self) -> list[Preprocess]:
        """What the two inputs go through first."""
        return [module for module in self.preprocess if isinstance(module, Preprocess)]

    def forward(self, before: Tensor, last: Tensor, mixture: CellMixture, noise: Noise) -> Tensor:
        """[batch, *, height, width] twice -> [batch, nodes * channels, h, w]."""
        states = [self.preprocess[0](before), self.preprocess[1](last)]
        return torch.cat(self.mixed(states, mixture, noise), 1)


class Preprocess(nn.Module):
    """ReLU, 1x1 convolution (or a factorised reduction) and normalisation of a cell input."""

    def __init__(self, layers: Layers, channels_in: int, channels_out: int, reduces: bool) -> None:
        super().__init__()
        self.convolution: nn.Module = (
            FactorizedReduce(layers, channels_in, channels_out, inner=True)
            if reduces
            else layers.convolution(channels_in, channels_out, 1, inner=True)
        )

    def forward(self, x: Tensor, blocks: int = 1) -> Tensor:
        """`blocks`: how many inputs lie along the channels; all of them meet the same weights."""
        edges = None if blocks == 1 else (0,) * blocks
        return normalise(self.convolution(F.relu(x), edges))


def _cut_first(x: Tensor, blocks: int) -> tuple[Tensor, Tensor | None]:
    """The first of `blocks` equal parts along the channels, and the others, if there are any."""
    if blocks == 1:
        return x, None
    size = x.shape[1] // blocks
    first, rest = x.split([size, x.shape[1] - size], 1)
    return first, rest
