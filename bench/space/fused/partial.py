"""Partial channels: 1 of `groups` parts of a state's channels is mixed, the others pass by.

Source: PC-DARTS (arXiv 1907.05737), equation 1 and its public code. There every edge mixes the
first channels, joins them with the others (2x2 max-pooled where it reduces) and shuffles; a node is
the sum over its edges, weighted by beta. Shuffling and joining are linear, so a node is

    shuffle(cat(sum over edges and operations of (beta_e z_eo) o(x1), sum over edges of beta_e x2))

and the mixed part is an ordinary fused stage of fewer channels.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from bench.space.cpu.memory_format import format_of
from bench.space.skeleton import StageGraph


def split(states: list[Tensor], groups: int) -> tuple[list[Tensor], list[Tensor]]:
    """The states' first 1/groups of the channels, and the others; memory format kept."""
    mixed: list[Tensor] = []
    others: list[Tensor] = []
    for state in states:
        channels = state.shape[1] // groups
        for part, where in ((state[:, :channels], mixed), (state[:, channels:], others)):
            where.append(part.contiguous(memory_format=format_of(state)))
    return mixed, others


def bypass(states: list[Tensor], graph: StageGraph, weights: Tensor | None, stride: int) -> Tensor:
    """What the other channels add to a stage's targets: [batch, targets * channels, h, w].

    states: one a source, [batch, channels, height, width]; weights: [edges] of the whole cell, or
    None for 1. Where the stage reduces, 2x2 max-pooling (an odd border keeps a window of its own).
    """
    if stride == 2:
        states = [F.max_pool2d(state, 2, 2, ceil_mode=True) for state in states]
    edges = iter(graph.edges)  # by source, then by target
    blocks: list[list[Tensor]] = [[] for _ in graph.targets]
    for state in states:
        for block in blocks:
            edge = next(edges)
            block.append(state if weights is None else state * weights[edge])
    return torch.cat([sum(block[1:], block[0]) for block in blocks], 1)


def shuffle(x: Tensor, groups: int) -> Tensor:
    """Channel g * n + i becomes i * groups + g, for n = channels / groups."""
    channels = torch.arange(x.shape[1], device=x.device)
    order = channels.view(groups, -1).t().flatten()
    return x.index_select(1, order).contiguous(memory_format=format_of(x))
