"""Several candidates with the same inherited weights evaluated in one program, without gradients.

Candidates (lanes) lie along the channels: each operation is one merged call over all (lane, edge)
pairs that keep it, with the weights of its edges gathered. What lanes have in common (the stem, the
first cell's edges from its inputs, equal candidates) is computed once: `bench.space.lane_plan`.
Batch statistics are each candidate's own, as they are per channel.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from bench.space.depthwise import from_phases, to_phases
from bench.space.fused_cell import DartsCell
from bench.space.lane_plan import CellPlan, Work, plan_cell
from bench.space.mixture import CellMixture, Mixture
from bench.space.normalisation import normalise
from bench.space.operations import EdgeOperation, Edges, StageInputs
from bench.space.stage import Stage
from bench.space.supernet import Supernet


def has_lanes(supernet: Supernet) -> bool:
    """Whether candidates of this super-network can be lanes: DARTS cells, mixing all channels."""
    return all(
        isinstance(cell, DartsCell)
        and cell.partial == 1
        and not any(stage.choices for stage in cell.fused_stages())
        for cell in supernet.fused_cells()
    )


class LaneNetwork:
    """The super-network cut down to some candidates; holds no weights of its own.

    Args:
        mixtures: one a candidate, with weights and masks per batch (none per example).

    Raises ValueError for mixtures of other forms, for partial channels and for other cells than
    those of the DARTS space.
    """

    def __init__(self, supernet: Supernet, mixtures: list[Mixture]) -> None:
        self.supernet = supernet
        if not has_lanes(supernet):
            raise ValueError("lanes need cells of two inputs that mix all channels, alike by edge")
        self.cells: list[_LaneCell] = []
        before = last = (0,) * len(mixtures)
        for cell, position in zip(supernet.fused_cells(), supernet.positions, strict=True):
            assert isinstance(cell, DartsCell)
            parts = [mixture.cell(position.index, position.kind) for mixture in mixtures]
            plan = plan_cell(supernet.graph, supernet.space.operations, parts, (before, last))
            self.cells.append(_LaneCell(cell, plan, parts, supernet.stem.weight))
            before, last = last, plan.lanes
        self.lanes = last

    @torch.no_grad()
    def logits(self, images: Tensor) -> Tensor:
        """images: [batch, channels, height, width] -> logits [lanes, batch, classes]."""
        before = last = self.supernet.stem_norm(self.supernet.stem(images))
        layout = _Layout(last.is_contiguous(memory_format=torch.channels_last))
        blocks = (1, 1)
        for cell in self.cells:
            before, last = last, cell.forward(before, last, blocks, layout)
            blocks = (blocks[1], len(cell.plan.output))
        pooled = last.mean((2, 3)).unflatten(1, (blocks[1], -1)).transpose(0, 1)
        found: Tensor = self.supernet.classifier(pooled)
        return found[list(self.lanes)]


def evaluate_lanes(supernet: Supernet, images: Tensor, mixtures: list[Mixture]) -> Tensor:
    """Logits [lanes, batch, classes] of `LaneNetwork`, for a single batch of images."""
    return LaneNetwork(supernet, mixtures).logits(images)


@dataclass(frozen=True)
class _Layout:
    """Blocks of channels as an axis of their own, in the order in which memory holds them."""

    channels_last: bool

    @property
    def axis(self) -> int:
        return 3 if self.channels_last else 1

    def split(self, x: Tensor, channels: int) -> Tensor:
        """[batch, blocks * channels, h, w] -> [.., blocks, channels, ..]"""
        if self.channels_last:
            return x.permute(0, 2, 3, 1).unflatten(3, (-1, channels))
        return x.unflatten(1, (-1, channels))

    def merge(self, x: Tensor) -> Tensor:
        """The inverse of `split`."""
        if self.channels_last:
            return x.flatten(3).permute(0, 3, 1, 2)
        return x.flatten(1, 2)

    def select(self, x: Tensor, channels: int, index: Tensor) -> Tensor:
        """The blocks that `index` names, [batch, len(index) * channels, h, w]."""
        return self.merge(self.split(x, channels).index_select(self.axis, index))

    def zeros(self, like: Tensor, rows: int, channels: int, size: tuple[int, int]) -> Tensor:
        batch = like.shape[0]
        shape = (*size, rows, channels) if self.channels_last else (rows, channels, *size)
        return like.new_zeros(batch, *shape)


class _Sources(StageInputs):
    """A stage's source states, their blocks merged, and the blocks that the next call is for."""

    def __init__(self, state: Tensor, channels: int, layout: _Layout) -> None:
        super().__init__([state], 1)
        self.channels, self.layout = channels, layout
        self.blocks = torch.empty(0)

    @cached_property
    def rectified_phases(self) -> Tensor:
        return to_phases(self.rectified)

    def for_edges(self, edges: Edges) -> Tensor:
        return self.layout.select(self.rectified, self.channels, self.blocks)

    def once_a_source(self, edges: Edges) -> Tensor:
        return self.for_edges(edges)

    def phases_for_edges(self, edges: Edges) -> Tensor:
        return self.layout.select(self.rectified_phases, self.channels, self.blocks)

    def grids_for_edges(self, edges: Edges) -> tuple[Tensor, Tensor]:
        even, odd = (self.layout.select(g, self.channels, self.blocks) for g in self._grids)
        return even, odd

    def without_weights(self, name: str, stride: int, edges: Edges) -> Tensor:
        return self.layout.select(self._plain(name, stride), self.channels, self.blocks)


class _Call:
    """One operation of a stage for all lanes: what to gather, compute, weight and add where."""

    def __init__(
        self, stage: Stage, name: str, work: Work, parts: list[CellMixture], like: Tensor
    ) -> None:
        self.name, self.stage = name, stage
        self.operation: EdgeOperation | None = None
        if name not in stage.shared:
            found = stage.operations[name]
            assert isinstance(found, EdgeOperation)
            self.operation = found
        jobs = list(work.jobs)
        self.edges = tuple(job.edge for job in jobs)
        self.blocks = _index([job.block for job in jobs], like)
        self.rows = _index([row for _, row in work.uses], like)
        chosen = [job for job, _ in work.uses]
        self.chosen = None if chosen == list(range(len(jobs))) else _index(chosen, like)
        weights = like.new_tensor([job.weight for job in jobs])[:, None]
        factors = None if all(job.weight == 1 for job in jobs) else weights
        self.mask: Tensor | None = None
        if any(job.mask is not None for job in jobs):
            mask = torch.stack(
                [
                    _mask(parts[job.mask], name, stage.graph.edges[job.edge], like)
                    if job.mask is not None
                    else like.new_ones(self._slices())
                    for job in jobs
                ]
            )
            if self.operation is not None and self.operation.masks_input:
                self.mask = mask
            else:
                factors = mask * weights
        self.factors = None if factors is None else factors.expand(-1, stage.channels).flatten()

    def _slices(self) -> int:
        return self.stage.channels if self.operation is None else self.operation.slices

    def output(self, sources: _Sources) -> tuple[Tensor, bool]:
        """The jobs' weighted outputs, one block a job, and whether they are in phases."""
        if self.operation is None:
            y = self.stage.parameter_free(self.name, sources.merged)
            y = sources.layout.select(y, sources.channels, self.blocks)
            return (y if self.factors is None else y * self.factors[:, None, None]), False
        sources.blocks = self.blocks
        y, phases = self.operation(sources, self.edges, self.mask)
        return normalise(y, self.factors), phases


class _LaneCell:
    """A cell of the super-network for all lanes."""

    def __init__(
        self, cell: DartsCell, plan: CellPlan, parts: list[CellMixture], like: Tensor
    ) -> None:
        self.cell, self.plan = cell, plan
        self.stages = cell.fused_stages()
        self.calls = [
            [_Call(stage, name, found, parts, like) for name, found in work.items()]
            for stage, work in zip(self.stages, plan.stages, strict=True)
        ]
        self.output = _index([row for rows in plan.output for row in rows], like)

    def forward(
        self, before: Tensor, last: Tensor, blocks: tuple[int, int], layout: _Layout
    ) -> Tensor:
        """Inputs of so many blocks each -> [batch, output blocks * nodes * channels, h, w]."""
        channels = self.stages[0].channels
        first, second = self.cell.preprocess
        state = torch.cat([first(before, blocks[0]), second(last, blocks[1])], 1)
        height, width = (-(-size // self.stages[0].stride) for size in state.shape[2:])
        total = layout.zeros(state, self.plan.rows[-1], channels, (height, width))
        axis = layout.axis
        starts = self.plan.rows
        for number, calls in enumerate(self.calls):
            start = starts[number]  # stage k adds to the nodes from k on
            if number:
                node = total.narrow(axis, starts[number - 1], start - starts[number - 1])
                state = layout.merge(node)
            sources = _Sources(_dense(state, layout), channels, layout)
            phased: Tensor | None = None
            for call in calls:
                y, phases = call.output(sources)
                added = layout.split(y, channels)
                if call.chosen is not None:
                    added = added.index_select(axis, call.chosen)
                if not phases:
                    total.index_add_(axis, call.rows, added.to(total.dtype))
                    continue
                if phased is None:
                    phased = layout.zeros(y, starts[-1] - start, channels, (y.shape[2], y.shape[3]))
                phased.index_add_(axis, call.rows - start, added)
            if phased is not None:
                later = total.narrow(axis, start, starts[-1] - start)
                later += layout.split(from_phases(layout.merge(phased)), channels)
        return layout.merge(total.index_select(axis, self.output))


def _dense(x: Tensor, layout: _Layout) -> Tensor:
    if layout.channels_last:
        return x.contiguous(memory_format=torch.channels_last)
    return x.contiguous()


def _index(values: list[int], like: Tensor) -> Tensor:
    return torch.tensor(values, device=like.device, dtype=torch.int64)


def _mask(part: CellMixture, name: str, edge: int, like: Tensor) -> Tensor:
    return part.masks[name][edge].to(like.device, like.dtype)
