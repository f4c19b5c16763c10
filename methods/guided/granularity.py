"""What one eps removes: a whole operation, or a slice (an input channel of a kernel).

Both relax eps ~ Bernoulli(1 - p) to sigmoid((logit(1 - p) + logit(u)) / tau), u uniform on (0, 1):
the Concrete relaxation (Maddison, Mnih and Teh 2017, arXiv 1611.00712). Drop probabilities and
their logits are [edges, candidates] by cell type.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from bench.method import Task
from bench.space.mixture import CellMixture, Mixture
from bench.space.supernet import Supernet
from methods.guided.candidates import Candidate

Relax = Callable[[Tensor], Tensor]
"""Logits of drop probabilities -> relaxed eps of the same shape."""
ByKind = Mapping[str, Tensor]


class OperationMasks:
    """One eps an operation: the group itself is kept or dropped (ours, for cell spaces)."""

    def __init__(self, task: Task) -> None:
        self.task = task

    def mixture(
        self, logits: ByKind, relax: Relax, leading: tuple[int, ...], supernet: Supernet
    ) -> Mixture:
        """eps as mixing weights, [*leading, edges, operations]."""
        return Mixture(
            {
                kind: CellMixture(self.task.columns(relax(logit.expand(*leading, *logit.shape))))
                for kind, logit in logits.items()
            }
        )

    def candidate(self, keep: ByKind, supernet: Supernet) -> Candidate:
        """A hard draw, by cell type. keep: probabilities [edges, candidates]."""
        noise, columns = self.task.noise, self.task.columns
        kept = {k: columns((noise.uniform(p) < p).float()) > 0 for k, p in keep.items()}
        return Candidate(kept, {})


class SliceMasks(OperationMasks):
    """One eps a slice; all slices of a group share its p (the paper's)."""

    def mixture(
        self, logits: ByKind, relax: Relax, leading: tuple[int, ...], supernet: Supernet
    ) -> Mixture:
        """Weights 1 and masks [*leading, edges, slices] by position and operation."""
        cells = {}
        for position in self.task.positions:
            logit = logits[position.kind]
            masks = {}
            for column, (name, slices) in enumerate(supernet.slices(position.index).items()):
                wide = logit[:, column, None].expand(*leading, len(logit), slices)
                masks[name] = relax(wide)
            ones = self.task.columns(torch.ones_like(logit))
            cells[str(position.index)] = CellMixture(ones, masks=masks)
        return Mixture(cells)

    def candidate(self, keep: ByKind, supernet: Supernet) -> Candidate:
        """A hard draw, by position; an operation is gone when all its slices are."""
        noise, kept, masks = self.task.noise, {}, {}
        for position in self.task.positions:
            p = keep[position.kind]
            drawn, there = {}, torch.zeros_like(p)
            for column, (name, slices) in enumerate(supernet.slices(position.index).items()):
                wide = p[:, column, None].expand(-1, slices)
                drawn[name] = (noise.uniform(wide) < wide).float()
                there[:, column] = drawn[name].amax(-1)
            key = str(position.index)
            kept[key], masks[key] = self.task.columns(there) > 0, drawn
        return Candidate(kept, masks)


GRANULARITIES = {"operation": OperationMasks, "slice": SliceMasks}
