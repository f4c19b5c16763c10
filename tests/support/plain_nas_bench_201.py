"""The textbook NAS-Bench-201 super-network: one module an edge and operation. The oracle.

Written after the public code's structure (SearchCell, ResNetBasicblock, TinyNetwork).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench.space.mixture import CellMixture, Mixture
from bench.testing.plain_supernet import conv, norm

EDGES = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))


class ReluConvNorm(nn.Module):
    def __init__(self, c, kernel):
        super().__init__()
        self.convolution = conv(c, c, kernel, padding=kernel // 2)
        self.norm = norm(c)

    def forward(self, x, mask=None):
        factor = 1 if mask is None else mask[..., None, None]
        return self.norm(self.convolution(F.relu(x) * factor))


class Plain(nn.Module):
    def __init__(self, name, c, normalise, surrogate):
        super().__init__()
        self.name = name
        self.convolution = conv(c, c, 1) if surrogate and name != "none" else None
        self.norm = norm(c) if normalise or self.convolution is not None else nn.Identity()

    def forward(self, x, mask=None):
        if self.name == "avg_pool_3x3":
            x = F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)
        if self.convolution is not None:
            return self.norm(self.convolution(x if mask is None else x * mask[..., None, None]))
        y = self.norm(x)
        return y if mask is None else y * mask[..., None, None]


def operation(name, c, normalise, surrogate):
    if name.startswith("nor_conv"):
        return ReluConvNorm(c, int(name[-1]))
    return Plain(name, c, normalise, surrogate)


class PlainCell(nn.Module):
    def __init__(self, c, operations, normalise, surrogate):
        super().__init__()
        self.names = operations
        self.edges = nn.ModuleList(
            nn.ModuleList(operation(name, c, normalise, surrogate) for name in operations)
            for _ in EDGES
        )

    def forward(self, x, mixture: CellMixture):
        states = [x, 0, 0, 0]
        for edge, (source, target) in enumerate(EDGES):
            for o, name in enumerate(self.names):
                kept = mixture.active
                if name == "none" or (kept is not None and edge not in kept.get(name, ())):
                    continue
                mask = mixture.masks.get(name)
                y = self.edges[edge][o](
                    states[source] + torch.zeros_like(x),
                    None if mask is None else mask[..., edge, :],
                )
                z = mixture.weights[..., edge, o].reshape(-1, 1, 1, 1)
                states[target] = states[target] + z * y
        return states[3] + torch.zeros_like(x)


class Shortcut(nn.Module):
    def __init__(self, c_in, c):
        super().__init__()
        self.pool = nn.AvgPool2d(2, 2, 0, ceil_mode=True, count_include_pad=False)
        self.convolution = conv(c_in, c, 1)

    def forward(self, x):
        return self.convolution(self.pool(x))


class Residual(nn.Module):
    def __init__(self, c_in, c):
        super().__init__()
        self.first, self.second = conv(c_in, c, 3, 2, padding=1), conv(c, c, 3, 1, padding=1)
        self.first_norm = nn.BatchNorm2d(c, track_running_stats=False)
        self.second_norm = nn.BatchNorm2d(c, track_running_stats=False)
        self.shortcut = Shortcut(c_in, c)

    def forward(self, x):
        y = self.first_norm(self.first(F.relu(x)))
        return self.shortcut(x) + self.second_norm(self.second(F.relu(y)))


class PlainSupernet(nn.Module):
    def __init__(self, space, image_shape, classes, options):
        super().__init__()
        c = space.channels
        self.n = space.cells
        self.stem = conv(image_shape[0], c, 3, padding=1)
        self.stem_norm = nn.BatchNorm2d(c, track_running_stats=False)
        self.cells = nn.ModuleList(
            PlainCell(width, space.operations, options.normalise_operations, options.surrogates)
            for width in (c, 2 * c, 4 * c)
            for _ in range(self.n)
        )
        kind = Residual if space.reduction == "residual" else Shortcut
        self.reductions = nn.ModuleList([kind(c, 2 * c), kind(2 * c, 4 * c)])
        self.last_norm = nn.BatchNorm2d(4 * c, track_running_stats=False)
        self.classifier = nn.Linear(4 * c, classes)

    def forward(self, images: Tensor, mixture: Mixture) -> Tensor:
        x = self.stem_norm(self.stem(images))
        for index, cell in enumerate(self.cells):
            if index == self.n:
                x = self.reductions[0](x)
            if index == 2 * self.n:
                x = self.reductions[1](x)
            x = cell(x, mixture.cell(index, "normal"))
        return self.classifier(F.relu(self.last_norm(x)).mean((2, 3)))


def pairs(fused, plain: PlainSupernet):
    """(plain parameter, fused parameter, which part of it corresponds: a function of a tensor)."""
    theirs = dict(fused.named_parameters())
    for name, parameter in plain.named_parameters():
        if not name.startswith("cells."):
            yield parameter, theirs[name], lambda tensor: tensor
    for slow, fast in zip(plain.cells, fused.cells, strict=True):
        for stage in fast.stages:
            for number, edge in enumerate(stage.graph.edges):
                for o, name in enumerate(slow.names):
                    module = slow.edges[edge][o].convolution
                    if module is not None:
                        blocks = len(stage.graph.edges)
                        merged = stage.operations[name]
                        if name.startswith("nor_conv"):
                            merged = merged.convolution
                        else:
                            merged = merged.pointwise  # of a surrogate
                        yield (
                            module.weight,
                            merged.weight,
                            lambda t, n=number, b=blocks: t.unflatten(0, (b, -1))[n],
                        )
