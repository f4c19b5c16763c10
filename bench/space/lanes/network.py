"""Several candidates with the same inherited weights evaluated in one program, without gradients.

What candidates (lanes) have in common (the stem, the first cell's edges from its inputs, equal
candidates) is computed once (`plan`). Of each operation all (lane, edge) pairs that keep it lie
along the channels, with the weights of their edges gathered; on a CPU a few at a time, for what
they hand on must stay in its cache. Batch statistics are each candidate's own, as they are per
channel.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor

from bench.space.cpu.depthwise import depthwise_convolution
from bench.space.cpu.memory_format import dense_copy
from bench.space.cpu.normalisation import normalise
from bench.space.fused.cell import DartsCell, Preprocess
from bench.space.fused.operations import (
    Edges,
    NoiseOperation,
    StageInputs,
    held_by,
    parameter_free,
)
from bench.space.fused.stage import Stage
from bench.space.lanes.plan import CellPlan, Job, Work, plan_cell
from bench.space.layers import Convolution, FactorizedReduce
from bench.space.mixture import CellMixture, Mixture
from bench.space.supernet import Supernet

PIECE = {"cpu": 6 * 2**20}
"""Bytes that one call of an operation reads and writes (measured: half and twice as many are
slower); other devices take all at once."""


def has_lanes(supernet: Supernet) -> bool:
    """Whether candidates of this super-network can be lanes.

    They can in DARTS cells that mix all channels, with operations that are alike by edge and
    functions of their input.
    """
    return not draws_noise(supernet) and all(
        isinstance(cell, DartsCell)
        and supernet.options.partial == 1
        and not any(stage.choices for stage in cell.fused_stages())
        for cell in supernet.fused_cells()
    )


def draws_noise(supernet: Supernet) -> bool:
    """Whether an operation draws numbers: then the order of evaluations matters."""
    return any(isinstance(module, NoiseOperation) for module in supernet.modules())


class LaneNetwork:
    """The super-network cut down to some candidates; holds no weights of its own.

    Args:
        mixtures: one per candidate, with weights and masks per batch (none per example).

    Raises ValueError for mixtures of other forms and super-networks without lanes (`has_lanes`).
    """

    def __init__(self, supernet: Supernet, mixtures: list[Mixture]) -> None:
        self.supernet = supernet
        if not has_lanes(supernet):
            raise ValueError(
                "lanes need cells of two inputs that mix all channels, with operations that are"
                " alike by edge and draw no noise"
            )
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
        stem = self.supernet.stem_norm(self.supernet.stem(images))
        before = last = _States([stem], [(0,)])
        for cell in self.cells:
            before, last = last, cell.forward(before, last)
        pooled = [block.mean((2, 3)) for block in last.blocks]
        states = [torch.cat([pooled[block] for block in blocks], 1) for blocks in last.parts]
        logits = self.supernet.classifier(torch.stack(states))  # [states, batch, classes]
        return logits[list(self.lanes)]


@dataclass(frozen=True)
class _States:
    """Distinct states of all lanes: each the concatenation of some blocks along the channels.

    blocks: [batch, channels, height, width] each, dense; parts: by state its blocks.
    """

    blocks: list[Tensor]
    parts: list[tuple[int, ...]]

    def preprocessed(self, by: Preprocess) -> list[Tensor]:
        """Each state as a cell's input."""
        result: list[Tensor] = []
        for start, stop in _pieces(len(self.parts), 2 * len(self.parts[0]), self.blocks[0]):
            x = _joined([self.blocks[b] for blocks in self.parts[start:stop] for b in blocks])
            result += map(dense_copy, by(x, stop - start).chunk(stop - start, 1))
        return result


def _pieces(number: int, blocks: float, like: Tensor) -> Iterator[tuple[int, int]]:
    """Start and end of pieces of `number` things, each of which reads and writes so many blocks."""
    limit = PIECE.get(like.device.type)
    size = blocks * like.numel() * like.element_size()
    count = number if limit is None else max(1, int(limit / size))
    for start in range(0, number, count):
        yield start, min(start + count, number)


def _joined(blocks: Sequence[Tensor]) -> Tensor:
    return blocks[0] if len(blocks) == 1 else torch.cat(tuple(blocks), 1)


class _Sum:
    """Rows (a node's state in some lanes) as they fill."""

    def __init__(self, rows: int) -> None:
        self.rows: list[Tensor | None] = [None] * rows

    def add(self, row: int, y: Tensor, weight: float = 1, factors: Tensor | None = None) -> None:
        """y: [batch, channels, height, width]; factors: [channels]."""
        total = self.rows[row]
        if factors is not None:
            y, weight = y * (weight * factors)[:, None, None], 1
        if total is not None:
            total.add_(y, alpha=weight)
        else:
            self.rows[row] = dense_copy(y) if weight == 1 else y * weight

    def take(self, start: int, stop: int, like: Tensor) -> list[Tensor]:
        """Rows that are complete; zeros where nothing was added."""
        rows = self.rows[start:stop]
        return [torch.zeros_like(like) if row is None else row for row in rows]


@dataclass
class _Sources:
    """The source states of a stage: distinct blocks, and their ReLU."""

    plain: list[Tensor]

    @cached_property
    def rectified(self) -> list[Tensor]:
        return [F.relu(block) for block in self.plain]

    @cached_property
    def grids(self) -> list[tuple[Tensor, Tensor]]:
        return [FactorizedReduce.grids(block) for block in self.rectified]


class _Gathered(StageInputs):
    """What one call works on: the source of each of its jobs, one block per job."""

    in_phases = False  # forwards, a dilated convolution is fast as it is

    def __init__(self, sources: _Sources, blocks: list[int]) -> None:
        """blocks: by job which of the sources' blocks it works on."""
        super().__init__([sources.plain[block] for block in blocks], 1)
        self.sources, self.numbers = sources, blocks

    def for_edges(self, edges: Edges) -> Tensor:
        return _joined([self.sources.rectified[block] for block in self.numbers])

    def once_a_source(self, edges: Edges) -> Tensor:
        return self.for_edges(edges)

    def depthwise(self, convolution: Convolution, edges: Edges, blocks: Edges) -> Tensor:
        """Where it strides, smaller tensors are gathered: its outputs, or a grid of its inputs."""
        if convolution.stride == 1 or blocks is None:
            return super().depthwise(convolution, edges, blocks)
        if convolution.dilation == 2:  # reads even pixels alone, see `depthwise_convolution`
            even = _joined([self.sources.grids[block][0] for block in self.numbers])
            weight = convolution.select(convolution.weight, blocks)
            return depthwise_convolution(even, weight, 1, convolution.padding // 2, 1)
        outputs = [
            convolution(self.sources.rectified[block], (held,))
            for block, held in zip(self.numbers, blocks, strict=True)
        ]
        return _joined(outputs)

    def grids_for_edges(self, edges: Edges) -> tuple[Tensor, Tensor]:
        even, odd = zip(*(self.sources.grids[block] for block in self.numbers), strict=True)
        return _joined(even), _joined(odd)

    def without_weights(self, name: str, stride: int, edges: Edges) -> Tensor:
        return parameter_free(name, self.merged, stride)


class _Call:
    """An operation with weights in a stage: jobs, and the rows that each one's output goes to."""

    def __init__(
        self, stage: Stage, name: str, work: Work, parts: list[CellMixture], like: Tensor
    ) -> None:
        self.operation = held_by(stage.operations, name)
        self.touched = 1 + 1 / stage.stride**2
        jobs = list(work.jobs)
        self.blocks = [job.block for job in jobs]
        self.edges = tuple(job.edge for job in jobs)
        self.rows: list[list[int]] = [[] for _ in jobs]
        for job, row in work.uses:
            self.rows[job].append(row)
        masks = [_mask(job, name, stage, parts, like) for job in jobs]
        factors = like.new_tensor([job.weight for job in jobs])[:, None]
        self.mask: Tensor | None = None
        if any(mask is not None for mask in masks):  # [jobs, slices]
            ones = like.new_ones(self.operation.slices)
            self.mask = torch.stack([ones if mask is None else mask for mask in masks])
            if not self.operation.masks_input:
                factors, self.mask = factors * self.mask, None
        self.factors = factors.expand(-1, stage.channels)

    def run(self, sources: _Sources, total: _Sum) -> None:
        """Add every job's output, normalised and weighted, to its rows."""
        for start, stop in _pieces(len(self.blocks), self.touched, sources.plain[0]):
            gathered = _Gathered(sources, self.blocks[start:stop])
            mask = None if self.mask is None else self.mask[start:stop]
            y = self.operation(gathered, self.edges[start:stop], mask)
            y = normalise(y, self.factors[start:stop].flatten())
            for block, rows in zip(y.chunk(stop - start, 1), self.rows[start:stop], strict=True):
                shared = dense_copy(block) if len(rows) > 1 and stop - start > 1 else block
                for row in rows:
                    total.add(row, shared)


class _SharedCall:
    """An operation without weights in a stage: once a source block, however many edges leave it."""

    def __init__(
        self, stage: Stage, name: str, work: Work, parts: list[CellMixture], like: Tensor
    ) -> None:
        self.stage, self.name = stage, name
        jobs = list(work.jobs)
        self.uses: dict[int, list[tuple[int, float, Tensor | None]]] = {}
        for number, row in work.uses:
            job = jobs[number]
            use = (row, job.weight, _mask(job, name, stage, parts, like))
            self.uses.setdefault(job.block, []).append(use)

    def run(self, sources: _Sources, total: _Sum) -> None:
        """Add the output, normalised where the stage normalises it, and weighted, to its rows."""
        blocks, uses = list(self.uses), list(self.uses.values())
        touched = 1 + 1 / self.stage.stride**2
        for start, stop in _pieces(len(blocks), touched, sources.plain[0]):
            x = _joined([sources.plain[block] for block in blocks[start:stop]])
            y = self.stage.parameter_free(self.name, x)
            for block, of_block in zip(y.chunk(stop - start, 1), uses[start:stop], strict=True):
                shared = dense_copy(block) if len(of_block) > 1 and stop - start > 1 else block
                for row, weight, mask in of_block:
                    total.add(row, shared, weight, mask)


class _LaneCell:
    """A cell of the super-network for all lanes."""

    def __init__(
        self, cell: DartsCell, plan: CellPlan, parts: list[CellMixture], like: Tensor
    ) -> None:
        self.cell, self.plan = cell, plan
        self.calls: list[list[_Call | _SharedCall]] = []
        for stage, work in zip(cell.fused_stages(), plan.stages, strict=True):
            calls: list[_Call | _SharedCall] = []
            for name, jobs in work.items():
                call = _SharedCall if name in stage.shared else _Call
                calls.append(call(stage, name, jobs, parts, like))
            self.calls.append(calls)

    def forward(self, before: _States, last: _States) -> _States:
        """The cell's two inputs -> its nodes, and which of them each output state has."""
        first, second = self.cell.inputs()
        sources = _Sources(before.preprocessed(first) + last.preprocessed(second))
        stride = self.cell.fused_stages()[0].stride
        like = sources.plain[0][:, :, ::stride, ::stride]
        starts = self.plan.rows
        total = _Sum(starts[-1])
        blocks: list[Tensor] = []
        for number, calls in enumerate(self.calls):
            # stage 0 completes node 0; stage n reads node n - 1 and completes node n
            if number:
                sources = _Sources(blocks[starts[number - 1] :])
            for call in calls:
                call.run(sources, total)
            blocks += total.take(starts[number], starts[number + 1], like)
        return _States(blocks, self.plan.output)


def _mask(
    job: Job, name: str, stage: Stage, parts: list[CellMixture], like: Tensor
) -> Tensor | None:
    if job.mask is None:
        return None
    mask = parts[job.mask].masks[name][stage.graph.edges[job.edge]]
    return mask.to(like.device, like.dtype)
