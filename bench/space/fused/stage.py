"""One stage of a fused cell: all edges between its sources and its targets.

The mathematics is that of one module per edge and operation, normalised and weighted; the tests
hold that plain loop against it.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench.space.config import SpaceConfig
from bench.space.constants import index
from bench.space.cpu.depthwise import from_phases
from bench.space.cpu.normalisation import normalise
from bench.space.fused.operations import (
    EdgeOperation,
    Edges,
    StageInputs,
    edge_operation,
    held_by,
    is_shared,
    parameter_free,
)
from bench.space.mixture import CellMixture
from bench.space.options import SupernetOptions
from bench.space.skeleton import StageGraph


def cut(mixture: CellMixture, graph: StageGraph) -> CellMixture:
    """The mixture of a stage's edges, which are numbered as in the stage; without `bypass`."""
    edges = index(graph.edges, mixture.weights.device)
    active = None
    if mixture.active is not None:
        local = {edge: number for number, edge in enumerate(graph.edges)}
        active = {
            operation: tuple(sorted(local[edge] for edge in kept if edge in local))
            for operation, kept in mixture.active.items()
        }
    return CellMixture(
        mixture.weights[..., edges, :],
        None if mixture.variances is None else mixture.variances[edges, :],
        {name: mask[..., edges, :] for name, mask in mixture.masks.items()},
        active=active,
    )


def resolve(
    mixture: CellMixture,
    columns: tuple[str, ...],
    choices: tuple[tuple[str, ...], ...],
    operations: tuple[str, ...],
) -> CellMixture:
    """A mixture with one column per operation, for one whose columns stand for others by edge.

    choices: by edge the operation of each column. Operations that an edge does not have get a
    weight of 0 there. Raises ValueError for masks.
    """
    if mixture.masks:
        raise ValueError("masks need operations that are the same on every edge")
    # place: [edges, columns], for each column of an edge its place among `operations`
    names = (name for edge in choices for name in edge)
    place = index(map(operations.index, names), mixture.weights.device)
    place = place.unflatten(0, (len(choices), -1))

    def spread(values: Tensor) -> Tensor:
        full = values.new_zeros(*values.shape[:-1], len(operations))
        return full.scatter(-1, place.expand_as(values), values)

    active: dict[str, tuple[int, ...]] | None = None
    if mixture.active is not None:
        kept: dict[str, list[int]] = {}
        for column, edges in mixture.active.items():
            for edge in edges:
                kept.setdefault(choices[edge][columns.index(column)], []).append(edge)
        active = {name: tuple(sorted(edges)) for name, edges in kept.items()}
    variances = None if mixture.variances is None else spread(mixture.variances)
    return CellMixture(spread(mixture.weights), variances, active=active)


class Stage(nn.Module):
    """All edges of a stage.

    Args:
        channels: of every state.
        stride: 2 for the edges from the inputs of a reduction cell, else 1.
        choices: by edge of the stage the operation of each column; None: the columns' own names.
    """

    def __init__(
        self,
        graph: StageGraph,
        channels: int,
        stride: int,
        space: SpaceConfig,
        options: SupernetOptions,
        choices: tuple[tuple[str, ...], ...] | None = None,
    ) -> None:
        super().__init__()
        self.graph, self.channels, self.stride = graph, channels, stride
        self.columns, self.choices = space.operations, choices
        self.normalises_skip = options.normalise_operations
        self.normalises_pool = options.normalise_operations or space.normalises_pooling
        edges = range(len(graph.edges))
        self.names = self.columns
        if choices is not None:
            self.names = tuple(dict.fromkeys(name for edge in choices for name in edge))
        self.index = {name: number for number, name in enumerate(self.names)}
        self.operations = nn.ModuleDict()
        self.shared: list[str] = []
        for name in self.names:
            if name == "none":
                continue
            if is_shared(name, stride) and not options.surrogates:
                self.shared.append(name)
                continue
            holding = tuple(e for e in edges if choices is None or name in choices[e])
            held = None if len(holding) == len(edges) else holding
            self.operations[name] = edge_operation(
                name, options, channels, stride, len(holding), held
            )

    def forward(self, states: list[Tensor], mixture: CellMixture) -> tuple[Tensor, Tensor | None]:
        """What the stage adds to its targets: mean and, where asked for, variance.

        states: source states, [batch, channels, height, width] each.
        Returns [batch, targets * channels, height / stride, width / stride] (twice).
        """
        inputs = StageInputs(states, len(self.graph.targets))
        part = cut(mixture, self.graph)
        if self.choices is not None:
            part = resolve(part, self.columns, self.choices, self.names)
        total = Total(self.graph, self.channels, part.variances is not None)
        for name in self.operations:
            operation = held_by(self.operations, name)
            edges, held = part.computed(name), operation.held
            if held is not None:
                edges = held if edges is None else tuple(e for e in edges if e in held)
            if edges != ():
                self._add_edges(total, inputs, part, name, operation, edges)
        self._add_shared(total, inputs, part)
        return total.result(states[0], self.stride)

    def _add_edges(
        self,
        total: Total,
        inputs: StageInputs,
        part: CellMixture,
        name: str,
        operation: EdgeOperation,
        edges: Edges,
    ) -> None:
        """An operation with tensors of its own on every edge; edges: those that are computed."""
        rows = slice(None) if edges is None else index(edges, part.weights.device)
        z = part.weights[..., rows, self.index[name]]
        mask = part.masks.get(name)
        mask = None if mask is None else mask[..., rows, :]
        masks_input, phases = operation.masks_input, operation.in_phases(inputs)
        y = operation(inputs, edges, mask if masks_input else None)
        # factors: [edges * channels] or [batch, edges * channels], as y's channels are ordered
        factors = z.repeat_interleave(self.channels, -1)
        if mask is not None and not masks_input:
            factors = factors * mask.flatten(-2)
        normalised = operation.normalised or self.normalises_skip
        if normalised and part.variances is None and factors.dim() == 1:
            # batch normalisation followed by a factor is batch normalisation with that weight
            total.add(normalise(y, factors), phases, edges)
            return
        y = normalise(y) if normalised else y
        if part.variances is not None:
            variances = part.variances[rows, self.index[name]].repeat_interleave(self.channels, -1)
            if mask is not None and not masks_input:
                variances = variances * mask.flatten(-2).square()
            total.add(y.square() * variances[..., None, None], phases, edges, variance=True)
        if factors.dim() == 2 and phases:
            factors = factors.repeat(4, 1)
        total.add(y * factors[..., None, None], phases, edges)

    def _add_shared(self, total: Total, inputs: StageInputs, part: CellMixture) -> None:
        """Parameter-free operations: computed once a source, then one matrix product over all."""
        names = [name for name in self.shared if part.computed(name) != ()]
        if not names:
            return
        outputs = [self.parameter_free(name, inputs.merged) for name in names]
        x = outputs[0] if len(outputs) == 1 else torch.cat(outputs, 1)
        columns = index((self.index[name] for name in names), x.device)
        kept = part.weights[..., columns]  # [..., edges, names]
        spread = None if part.variances is None else part.variances[:, columns]
        masks = [part.masks.get(name) for name in names]
        if part.active is not None:
            indicator = torch.zeros(kept.shape[-2:], device=x.device, dtype=kept.dtype)
            for number, name in enumerate(names):
                indicator[index(part.computed(name) or (), x.device), number] = 1
            kept = kept * indicator
            spread = None if spread is None else spread * indicator
        total.add_product(x, self._coefficients(kept, masks))
        if spread is not None:
            squares = [None if mask is None else mask.square() for mask in masks]
            total.add_product(x.square(), self._coefficients(spread, squares), variance=True)

    def _coefficients(self, kept: Tensor, masks: list[Tensor | None]) -> Tensor:
        """[..., edges, names] -> matrix [..., targets * channels, names * sources * channels].

        A target's channel is a sum over its edges and the shared operations, channel by channel:

            y[target, c] = sum over name, source of kept[edge, name] * mask[name][edge, c]
                           * o_name(x)[source, c],     edge = (source, target)

        so the matrix is kept * mask where row and column are of the same channel, and 0 elsewhere.
        `add_product` multiplies all pixels by it. Its columns have the order in which `_add_shared`
        joins the operations' outputs, [names, sources, channels], and its rows have that of the
        stage's output, [targets, channels].
        """
        ends = (len(self.graph.sources), len(self.graph.targets))
        # A stage's edges are ordered by source, then by target.
        factors = kept.unflatten(-2, ends)  # [..., sources, targets, names]
        factors = factors.transpose(-3, -2).transpose(-2, -1)[..., None]
        # [..., targets, names, sources, 1]; the last axis is the channel, the same for all so far
        if any(mask is not None for mask in masks):
            ones = kept.new_ones(*ends, self.channels)
            parts = [ones if mask is None else mask.unflatten(-2, ends) for mask in masks]
            stacked = torch.stack(torch.broadcast_tensors(*parts), -4)
            # [..., names, sources, targets, channels] -> [..., targets, names, sources, channels]
            factors = factors * stacked.movedim(-2, -4)
        eye = torch.eye(self.channels, device=kept.device, dtype=kept.dtype)
        # A row's channel is a new axis behind the targets; `eye` is [channels, 1, 1, channels]:
        # [..., targets, channels, names, sources, channels]
        matrix = factors.unsqueeze(-4) * eye[:, None, None, :]
        return matrix.flatten(-3).flatten(-3, -2)

    def column(self, name: str, edge: int) -> int:
        """Of a mixture the column that stands for an operation on a local edge that has it."""
        names = self.columns if self.choices is None else self.choices[edge]
        return names.index(name)

    def parameter_free(self, name: str, x: Tensor) -> Tensor:
        """The normalised output of an operation without weights (one of `shared`)."""
        y = parameter_free(name, x, self.stride)
        normalised = self.normalises_skip if name == "skip_connect" else self.normalises_pool
        return normalise(y) if normalised else y


class Total:
    """The sum that a stage hands to its targets, collected by form: full, in phases, variances."""

    def __init__(self, graph: StageGraph, channels: int, with_variance: bool) -> None:
        self.graph, self.channels = graph, channels
        self.parts: dict[tuple[bool, bool], Tensor] = {}
        self.with_variance = with_variance

    def add(self, y: Tensor, phases: bool, edges: Edges, variance: bool = False) -> None:
        """y: one block per edge along the channels, already weighted."""
        sources, targets = len(self.graph.sources), len(self.graph.targets)
        if edges is None:  # edge = source * targets + target: each source's part has all targets
            for block in y.chunk(sources, 1):
                self._add(block, phases, variance)
            return
        blocks = y.chunk(len(edges), 1)
        sums: list[Tensor] = []
        for target in range(targets):
            terms = [b for b, edge in zip(blocks, edges, strict=True) if edge % targets == target]
            sums.append(sum(terms[1:], terms[0]) if terms else torch.zeros_like(blocks[0]))
        self._add(torch.cat(sums, 1), phases, variance)

    def add_product(self, x: Tensor, matrix: Tensor, variance: bool = False) -> None:
        """x: [batch, in, height, width]; matrix: [out, in] or [batch, out, in]."""
        matrix = matrix.to(x.dtype)
        if matrix.dim() == 2:
            y = F.conv2d(x, matrix[:, :, None, None])
        else:
            rows = x.permute(0, 2, 3, 1).flatten(1, 2)  # [batch, pixels, in]
            y = torch.bmm(rows, matrix.transpose(1, 2)).unflatten(1, x.shape[2:])
            y = y.permute(0, 3, 1, 2)
        self._add(y, False, variance)

    def _add(self, y: Tensor, phases: bool, variance: bool) -> None:
        key = (variance, phases)
        self.parts[key] = self.parts[key] + y if key in self.parts else y

    def result(self, like: Tensor, stride: int) -> tuple[Tensor, Tensor | None]:
        """Mean and variance, zeros where nothing was added."""
        variance = self._merged(True, like, stride) if self.with_variance else None
        return self._merged(False, like, stride), variance

    def _merged(self, variance: bool, like: Tensor, stride: int) -> Tensor:
        if (variance, True) in self.parts:
            self._add(from_phases(self.parts[variance, True]), False, variance)
        if (variance, False) in self.parts:
            return self.parts[variance, False]
        batch, channels, height, width = like.shape
        size = (-(-height // stride), -(-width // stride))
        return like.new_zeros(batch, len(self.graph.targets) * channels, *size)
