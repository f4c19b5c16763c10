"""The super-network: every candidate operation on every edge, mixed by the weights it is handed.

It holds the operations' weights and nothing of a method; a method hands it a `Mixture` with every
forward pass. Batch normalisation has no affine part and no running statistics (except the stem's
affine one, as in DARTS): a candidate is always evaluated with its own statistics.

Source of skeleton and operations: DARTS (arXiv 1806.09055) and its public code. How the fused form
computes the same: `bench.space.stage`.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench.errors import ConfigurationError
from bench.noise import Noise
from bench.space import partial as partial_channels
from bench.space.config import SpaceConfig
from bench.space.genotype import Genotype
from bench.space.layers import FactorizedReduce, Layers, normalise
from bench.space.mixture import CellMixture, Mixture, of_genotype
from bench.space.operations import EdgeOperation
from bench.space.skeleton import CellGraph, Position, darts_positions
from bench.space.stage import Stage


class Preprocess(nn.Module):
    """ReLU, 1x1 convolution (or a factorised reduction) and normalisation of a cell input."""

    def __init__(self, layers: Layers, channels_in: int, channels_out: int, reduces: bool) -> None:
        super().__init__()
        self.convolution: nn.Module = (
            FactorizedReduce(layers, channels_in, channels_out)
            if reduces
            else layers.convolution(channels_in, channels_out, 1)
        )

    def forward(self, x: Tensor, blocks: int = 1) -> Tensor:
        """`blocks`: how many inputs lie along the channels; all of them meet the same weights."""
        edges = None if blocks == 1 else (0,) * blocks
        return normalise(self.convolution(F.relu(x), edges))


class FusedCell(nn.Module):
    """A cell of the super-network: two inputs, `nodes` sums, the nodes' concatenation."""

    def __init__(
        self,
        position: Position,
        graph: CellGraph,
        operations: tuple[str, ...],
        layers: Layers,
        normalise_skip: bool,
        partial: int = 1,
        surrogates: bool = False,
    ) -> None:
        super().__init__()
        channels = position.channels
        self.nodes = graph.nodes
        self.partial = partial
        self.preprocess = nn.ModuleList(
            [
                Preprocess(layers, position.inputs[0], channels, position.previous_reduces),
                Preprocess(layers, position.inputs[1], channels, False),
            ]
        )
        self.stages = nn.ModuleList(
            Stage(
                stage,
                operations,
                channels // partial,
                2 if position.reduces and number == 0 else 1,
                layers,
                normalise_skip,
                surrogates,
            )
            for number, stage in enumerate(graph.stages)
        )

    def fused_stages(self) -> list[Stage]:
        """The stages, in order."""
        return [stage for stage in self.stages if isinstance(stage, Stage)]

    def forward(self, before: Tensor, last: Tensor, mixture: CellMixture, noise: Noise) -> Tensor:
        """[batch, *, height, width] twice -> [batch, nodes * channels, h, w]."""
        states = [self.preprocess[0](before), self.preprocess[1](last)]
        nodes: list[Tensor] = []
        mean: Tensor | None = None
        variance: Tensor | None = None
        passed: Tensor | None = None
        for stage in self.fused_stages():
            if self.partial > 1:
                states, others = partial_channels.split(states, self.partial)
                past = partial_channels.bypass(others, stage.graph, mixture.bypass, stage.stride)
                passed = past if passed is None else passed + past
            added, spread = stage(states, mixture)
            mean = added if mean is None else mean + added
            if spread is not None:
                variance = spread if variance is None else variance + spread
            node, mean = _first_block(mean, self.nodes - len(nodes))
            if variance is not None:
                own, variance = _first_block(variance, self.nodes - len(nodes))
                node = node + noise.normal(node) * (own + 1e-8).sqrt()
            if passed is not None:
                other, passed = _first_block(passed, self.nodes - len(nodes))
                node = partial_channels.shuffle(torch.cat([node, other], 1), self.partial)
            if mixture.shift is not None:
                node = node + mixture.shift[len(nodes)]
            nodes.append(node)
            states = [node]
        return torch.cat(nodes, 1)


def _first_block(x: Tensor, blocks: int) -> tuple[Tensor, Tensor | None]:
    if blocks == 1:
        return x, None
    size = x.shape[1] // blocks
    first, rest = x.split([size, x.shape[1] - size], 1)
    return first, rest


class Supernet(nn.Module):
    """The DARTS super-network, fused.

    Args:
        space: operations, nodes, cells, channels.
        image_shape: (channels, height, width) of the images.
        classes: number of classes.
        layers: what its convolutions are made of; plain ones by default.
        normalise_operations: normalise the identity's output too, as pooling's is.
        noise: the source of the draws of a mixture with variances.
        partial: operations act on 1/partial of the channels (`bench.space.partial`); 1: on all.
        surrogates: a 1x1 convolution behind every operation without weights.

    Raises ConfigurationError where a cell's channels are not a multiple of `partial`.
    """

    def __init__(
        self,
        space: SpaceConfig,
        image_shape: tuple[int, int, int],
        classes: int,
        layers: Layers | None = None,
        normalise_operations: bool = False,
        noise: Noise | None = None,
        partial: int = 1,
        surrogates: bool = False,
    ) -> None:
        super().__init__()
        if space.channels % partial:
            raise ConfigurationError(
                f"space.channels = {space.channels}: must be a multiple of the {partial} parts"
                " that the method's partial channels make"
            )
        layers = layers or Layers()
        self.space, self.partial = space, partial
        self.graph = CellGraph(inputs=2, nodes=space.nodes)
        stem_channels = space.stem_multiplier * space.channels
        self.positions = self.skeleton(space)
        self.stem = layers.convolution(image_shape[0], stem_channels, 3)
        self.stem_norm = nn.BatchNorm2d(stem_channels, track_running_stats=False)
        self.cells = nn.ModuleList(
            FusedCell(
                position,
                self.graph,
                space.operations,
                layers,
                normalise_operations,
                partial,
                surrogates,
            )
            for position in self.positions
        )
        last = self.positions[-1]
        self.classifier = layers.linear(space.nodes * last.channels, classes)
        self.noise = noise or Noise()

    @staticmethod
    def skeleton(space: SpaceConfig) -> list[Position]:
        """The cells' positions, types and channels."""
        stem_channels = space.stem_multiplier * space.channels
        return darts_positions(space.cells, space.channels, space.nodes, stem_channels)

    def forward(self, images: Tensor, mixture: Mixture) -> Tensor:
        """images: [batch, channels, height, width] -> logits [batch, classes]."""
        before = last = self.stem_norm(self.stem(images))
        for cell, position in zip(self.cells, self.positions, strict=True):
            part = mixture.cell(position.index, position.kind)
            before, last = last, cell(before, last, part, self.noise)
        return self.classifier(last.mean((2, 3)))

    def genotype_mixture(self, genotype: Genotype) -> Mixture:
        """Computes what the genotype keeps and nothing else, with the inherited weights."""
        device = self.stem.weight.device
        return of_genotype(genotype, self.space.operations, self.graph, device)

    def fused_cells(self) -> list[FusedCell]:
        """The cells, by position."""
        return [cell for cell in self.cells if isinstance(cell, FusedCell)]

    def slices(self, position: int) -> dict[str, int]:
        """operation -> number of mask factors on one edge of the cell at `position`."""
        found: dict[str, int] = {}
        channels = self.positions[position].channels // self.partial
        for name in self.space.operations:
            if name == "none":
                continue
            first = self.fused_cells()[position].fused_stages()[0].operations
            merged = name in first
            found[name] = _slices(first[name]) if merged else channels
        return found


def _slices(operation: nn.Module) -> int:
    assert isinstance(operation, EdgeOperation)
    return operation.slices
