"""The operations of a fused stage: one call for all its edges.

Channels are ordered (source, target, channel): block e of a merged tensor is edge `graph.edges[e]`
of the stage.
"""

from __future__ import annotations

from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench.noise import Noise
from bench.space.cpu.depthwise import has_phases, to_phases
from bench.space.cpu.normalisation import normalise
from bench.space.cpu.pooling import avg_pool, max_pool
from bench.space.layers import Convolution, FactorizedReduce, Form, Layers
from bench.space.options import SupernetOptions

Edges = tuple[int, ...] | None
"""Local edges (positions in `StageGraph.edges`) to compute; None: all."""


class StageInputs:
    """The source states of a stage and what several operations need of them, computed once."""

    def __init__(self, states: list[Tensor], targets: int) -> None:
        self.states = states
        self.targets = targets

    @cached_property
    def merged(self) -> Tensor:
        """[batch, sources * channels, height, width]"""
        return self.states[0] if len(self.states) == 1 else torch.cat(self.states, 1)

    @cached_property
    def rectified(self) -> Tensor:
        """ReLU of `merged`."""
        return F.relu(self.merged)

    @cached_property
    def activated(self) -> tuple[Tensor, ...]:
        """ReLU of every source state."""
        return self.rectified.chunk(len(self.states), 1)

    @cached_property
    def phased(self) -> tuple[Tensor, ...]:
        """The phases of `activated`: [4 * batch, channels, height / 2, width / 2] each."""
        return to_phases(self.rectified).chunk(len(self.states), 1)

    @cached_property
    def _all_activated(self) -> Tensor:
        return self._repeat(self.activated, None)

    @cached_property
    def _all_phased(self) -> Tensor:
        return self._repeat(self.phased, None)

    @cached_property
    def in_phases(self) -> bool:
        """Whether to run dilated convolutions on phases."""
        return has_phases(self.merged)

    def for_edges(self, edges: Edges) -> Tensor:
        """ReLU of each edge's source, one block per edge: [batch, edges * channels, h, w]."""
        return self._all_activated if edges is None else self._repeat(self.activated, edges)

    def depthwise(self, convolution: Convolution, edges: Edges, blocks: Edges) -> Tensor:
        """A depthwise convolution of `for_edges`; blocks: of its weights."""
        return convolution(self.for_edges(edges), blocks)

    def once_a_source(self, edges: Edges) -> Tensor:
        """ReLU of the sources for convolutions over all channels, each source once if possible.

        Weights [edges * out, channels, ...] then meet [batch, sources * channels, h, w]: grouped by
        source, for the edges that leave a source lie side by side. Else as `for_edges`.
        """
        together = edges is None or len(self.states) == 1
        return self.rectified if together else self.for_edges(edges)

    def phases_for_edges(self, edges: Edges) -> Tensor:
        """The phases of `for_edges`: [4 * batch, edges * channels, height / 2, width / 2]."""
        return self._all_phased if edges is None else self._repeat(self.phased, edges)

    @cached_property
    def _grids(self) -> tuple[Tensor, Tensor]:
        return FactorizedReduce.grids(self.rectified)

    def grids_for_edges(self, edges: Edges) -> tuple[Tensor, Tensor]:
        """`FactorizedReduce.grids` of the ReLU of each edge's source, one block per edge."""
        even, odd = (self._repeat(grid.chunk(len(self.states), 1), edges) for grid in self._grids)
        return even, odd

    def without_weights(self, name: str, stride: int, edges: Edges) -> Tensor:
        """An operation without weights on each edge's source, one block per edge."""
        outputs = parameter_free(name, self.merged, stride)
        return self._repeat(outputs.chunk(len(self.states), 1), edges)

    def _repeat(self, blocks: tuple[Tensor, ...], edges: Edges) -> Tensor:
        """Blocks by source -> blocks by edge, where edge = source * targets + target."""
        numbers = range(len(blocks) * self.targets) if edges is None else edges
        return torch.cat([blocks[edge // self.targets] for edge in numbers], 1)


class EdgeOperation(nn.Module):
    """An operation with its own tensors on every edge of a stage.

    `slices`: how many factors a mask has on one edge. `masks_input`: they scale the input channels
    of its 1x1 convolutions (a mask before a depthwise convolution is one behind it); otherwise the
    operation is channel by channel and they scale its normalised output. `normalised`: the stage
    normalises the output. `held`: the local edges that it has tensors for; None: all.
    """

    slices: int
    masks_input = True
    normalised = True
    held: Edges = None

    def blocks(self, edges: Edges) -> Edges:
        """Which blocks of its tensors belong to local edges."""
        if self.held is None:
            return edges
        if edges is None or edges == self.held:
            return None
        return tuple(self.held.index(edge) for edge in edges)

    def forward(self, inputs: StageInputs, edges: Edges, mask: Tensor | None) -> Tensor:
        """The output before its last normalisation, one block per edge.

        [batch, edges * channels, h / stride, w / stride] or, where it is `in_phases`,
        [4 * batch, edges * channels, h / 2, w / 2].
        mask: [edges, slices] or [batch, edges, slices], for the edges computed.
        """
        raise NotImplementedError

    def in_phases(self, inputs: StageInputs) -> bool:
        """Whether the output is that of the pixel grid's four phases (`cpu.depthwise`)."""
        return False


class SeparableConvolution(EdgeOperation):
    """Twice: ReLU, depthwise k x k, 1x1, normalisation (the last one is left to the stage)."""

    def __init__(
        self, layers: Layers, channels: int, blocks: int, stride: int, kernel: int
    ) -> None:
        super().__init__()
        self.slices = 2 * channels
        first = Form(stride=stride, blocks=blocks, depthwise=True)
        self.depthwise_1 = layers.convolution(channels, channels, kernel, inner=True, **first)
        self.pointwise_1 = layers.convolution(channels, channels, 1, inner=True, blocks=blocks)
        second = Form(blocks=blocks, depthwise=True)
        self.depthwise_2 = layers.convolution(channels, channels, kernel, inner=True, **second)
        self.pointwise_2 = layers.convolution(channels, channels, 1, blocks=blocks)

    def forward(self, inputs: StageInputs, edges: Edges, mask: Tensor | None) -> Tensor:
        first, second = (None, None) if mask is None else mask.chunk(2, -1)
        blocks = self.blocks(edges)
        y = inputs.depthwise(self.depthwise_1, edges, blocks)
        y = normalise(self.pointwise_1(y, blocks, first))
        y = self.depthwise_2(F.relu_(y), blocks)
        return self.pointwise_2(y, blocks, second)


class DilatedConvolution(EdgeOperation):
    """ReLU, depthwise k x k with dilation 2, 1x1 (normalisation is left to the stage)."""

    def __init__(
        self, layers: Layers, channels: int, blocks: int, stride: int, kernel: int
    ) -> None:
        super().__init__()
        self.slices = channels
        form = Form(stride=stride, dilation=2, blocks=blocks, depthwise=True)
        self.depthwise = layers.convolution(channels, channels, kernel, inner=True, **form)
        self.pointwise = layers.convolution(channels, channels, 1, blocks=blocks)

    def forward(self, inputs: StageInputs, edges: Edges, mask: Tensor | None) -> Tensor:
        blocks = self.blocks(edges)
        if not self.in_phases(inputs):
            y = inputs.depthwise(self.depthwise, edges, blocks)
            return self.pointwise(y, blocks, mask)
        y = self.depthwise(inputs.phases_for_edges(edges), blocks, in_phases=True)
        if mask is not None and mask.dim() == 3:
            mask = mask.repeat(4, 1, 1)
        return self.pointwise(y, blocks, mask)

    def in_phases(self, inputs: StageInputs) -> bool:
        return self.depthwise.stride == 1 and inputs.in_phases


class FullConvolution(EdgeOperation):
    """ReLU and a k x k convolution over all channels (normalisation is left to the stage)."""

    def __init__(
        self, layers: Layers, channels: int, blocks: int, stride: int, kernel: int
    ) -> None:
        super().__init__()
        self.slices = channels
        self.convolution = layers.convolution(
            channels, channels, kernel, stride=stride, blocks=blocks
        )

    def forward(self, inputs: StageInputs, edges: Edges, mask: Tensor | None) -> Tensor:
        x = inputs.once_a_source(edges) if mask is None else inputs.for_edges(edges)
        return self.convolution(x, self.blocks(edges), mask)


class NoiseOperation(EdgeOperation):
    """N(0, 1) an example and element, whatever the input (space S4); not normalised."""

    masks_input = False
    normalised = False

    def __init__(self, noise: Noise, channels: int, stride: int) -> None:
        super().__init__()
        self.slices, self.stride, self.noise = channels, stride, noise

    def forward(self, inputs: StageInputs, edges: Edges, mask: Tensor | None) -> Tensor:
        like = inputs.for_edges(edges).detach()[:, :, :: self.stride, :: self.stride]
        return self.noise.normal(like)


class ReducingSkip(EdgeOperation):
    """Skip connection of a reduction cell: ReLU and a factorised reduction."""

    masks_input = False

    def __init__(self, layers: Layers, channels: int, blocks: int) -> None:
        super().__init__()
        self.slices = channels
        self.reduce = FactorizedReduce(layers, channels, channels, blocks)

    def forward(self, inputs: StageInputs, edges: Edges, mask: Tensor | None) -> Tensor:
        return self.reduce.of_grids(inputs.grids_for_edges(edges), self.blocks(edges))


class Surrogate(EdgeOperation):
    """An operation without weights, and a 1x1 convolution of each edge's own behind it.

    Source: PGNAS (arXiv 1906.09557) suggests it, so that such operations have weights to drop.
    """

    def __init__(self, layers: Layers, channels: int, blocks: int, stride: int, name: str) -> None:
        super().__init__()
        self.slices = channels
        self.name, self.stride = name, stride
        self.pointwise = layers.convolution(channels, channels, 1, blocks=blocks)

    def forward(self, inputs: StageInputs, edges: Edges, mask: Tensor | None) -> Tensor:
        y = inputs.without_weights(self.name, self.stride, edges)
        return self.pointwise(y, self.blocks(edges), mask)


def parameter_free(name: str, x: Tensor, stride: int) -> Tensor:
    """The output of an operation without weights (one that `is_shared`), not normalised."""
    if name == "skip_connect":
        return x
    return max_pool(x, stride) if name == "max_pool_3x3" else avg_pool(x, stride)


def is_shared(name: str, stride: int) -> bool:
    """Whether an operation depends on the source state alone, the same for all outgoing edges."""
    return name in ("max_pool_3x3", "avg_pool_3x3") or (name == "skip_connect" and stride == 1)


def edge_operation(
    name: str,
    options: SupernetOptions,
    channels: int,
    stride: int,
    blocks: int,
    held: Edges = None,
) -> EdgeOperation:
    """The merged module of an operation that has tensors on `blocks` edges of a stage.

    held: which local edges these are; None: all. An operation without weights gets some, those of a
    surrogate. Raises KeyError for a name that is not one.
    """
    layers = options.layers
    merged: EdgeOperation
    if is_shared(name, stride):
        merged = Surrogate(layers, channels, blocks, stride, name)
    elif name == "skip_connect":
        merged = ReducingSkip(layers, channels, blocks)
    elif name == "noise":
        merged = NoiseOperation(options.noise, channels, stride)
    else:
        family, kernel = {
            "sep_conv_3x3": (SeparableConvolution, 3),
            "sep_conv_5x5": (SeparableConvolution, 5),
            "dil_conv_3x3": (DilatedConvolution, 3),
            "dil_conv_5x5": (DilatedConvolution, 5),
            "nor_conv_1x1": (FullConvolution, 1),
            "nor_conv_3x3": (FullConvolution, 3),
        }[name]
        merged = family(layers, channels, blocks, stride, kernel)
    merged.held = held
    return merged


def held_by(operations: nn.ModuleDict, name: str) -> EdgeOperation:
    """The operation of that name among a stage's."""
    operation = operations[name]
    assert isinstance(operation, EdgeOperation)
    return operation
