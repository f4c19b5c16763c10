"""What one eps removes: an operation, a slice (an input channel), or all but one of an edge.

The first two relax eps ~ Bernoulli(1 - p) to sigmoid((logit(1 - p) + logit(u)) / tau), u uniform on
(0, 1): the Concrete relaxation (Maddison, Mnih and Teh 2017, arXiv 1611.00712). Logits are those of
the drop probabilities, [edges, candidates] by cell type.
"""

from __future__ import annotations

import math
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

    def __init__(self, task: Task, temperature: float) -> None:
        self.task, self.temperature = task, temperature

    def keep(self, logit: Tensor) -> Tensor:
        """Keep probabilities 1 - p."""
        return torch.sigmoid(-logit)

    def relax(self, logit: Tensor) -> Tensor:
        """A draw of eps, relaxed."""
        u = self.task.noise.uniform(logit)
        return torch.sigmoid((u.log() - (-u).log1p() - logit) / self.temperature)

    def entropies(self, logit: Tensor) -> Tensor:
        """Entropy of one eps of every group, nats."""
        return torch.special.entr(self.keep(logit)) + torch.special.entr(self.keep(-logit))

    def mean_entropy(self, logits: ByKind) -> tuple[float, float]:
        """Mean entropy of an eps, nats, and its maximum."""
        entropies = torch.cat([self.entropies(logit.detach()) for logit in logits.values()])
        return float(entropies.mean()), math.log(2)

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


class SinglePaths(OperationMasks):
    """One operation of every edge is kept, all others are dropped (ours).

    That is the posterior of `OperationMasks` given that one eps of the edge is 1: the operation is
    Categorical(softmax of the logits of the keep probabilities). Its draw is one-hot forwards and
    Concrete backwards (straight through).
    """

    def keep(self, logit: Tensor) -> Tensor:
        return torch.softmax(-logit, -1)

    def relax(self, logit: Tensor) -> Tensor:
        noise = self.task.noise.gumbel(logit.detach())
        soft = ((noise - logit) / self.temperature).softmax(-1)
        hard = torch.zeros_like(soft).scatter(-1, soft.argmax(-1, keepdim=True), 1.0)
        return hard - soft.detach() + soft

    def entropies(self, logit: Tensor) -> Tensor:
        """What every operation adds to the entropy of its edge's choice, nats."""
        return torch.special.entr(self.keep(logit))

    def mean_entropy(self, logits: ByKind) -> tuple[float, float]:
        """Mean entropy of an edge's choice, nats, and its maximum."""
        entropies = torch.cat([self.entropies(logit.detach()) for logit in logits.values()])
        return float(entropies.sum(-1).mean()), math.log(entropies.shape[-1])

    def candidate(self, keep: ByKind, supernet: Supernet) -> Candidate:
        """A hard draw, by cell type: one operation of every edge."""
        kept = {}
        for kind, p in keep.items():
            drawn = (p.log() + self.task.noise.gumbel(p)).argmax(-1, keepdim=True)
            kept[kind] = self.task.columns(torch.zeros_like(p).scatter(-1, drawn, 1.0)) > 0
        return Candidate(kept, {})


GRANULARITIES = {"operation": OperationMasks, "slice": SliceMasks, "single_path": SinglePaths}
