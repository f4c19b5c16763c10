"""The textbook super-network: one module an edge and operation, a loop over edges. The oracle.

Written after the public DARTS code's structure (MixedOp, Cell, Network), without its globals.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench.space.config import SpaceConfig
from bench.space.mixture import CellMixture, Mixture
from bench.space.skeleton import CellGraph, darts_positions
from bench.space.supernet import Supernet


def conv(c_in, c_out, kernel, stride=1, padding=0, dilation=1, groups=1):
    return nn.Conv2d(c_in, c_out, kernel, stride, padding, dilation, groups, bias=False)


def norm(channels):
    return nn.BatchNorm2d(channels, affine=False, track_running_stats=False)


class SepConv(nn.Module):
    def __init__(self, c, kernel, stride):
        super().__init__()
        pad = kernel // 2
        self.depthwise_1 = conv(c, c, kernel, stride, pad, groups=c)
        self.pointwise_1 = conv(c, c, 1)
        self.norm_1 = norm(c)
        self.depthwise_2 = conv(c, c, kernel, 1, pad, groups=c)
        self.pointwise_2 = conv(c, c, 1)
        self.norm_2 = norm(c)

    def forward(self, x, mask=None):
        first, second = (1, 1) if mask is None else mask.chunk(2, -1)
        first, second = (m if isinstance(m, int) else m[..., None, None] for m in (first, second))
        x = self.norm_1(self.pointwise_1(self.depthwise_1(F.relu(x) * first)))
        return self.norm_2(self.pointwise_2(self.depthwise_2(F.relu(x) * second)))


class DilConv(nn.Module):
    def __init__(self, c, kernel, stride):
        super().__init__()
        self.depthwise = conv(c, c, kernel, stride, kernel - 1, 2, groups=c)
        self.pointwise = conv(c, c, 1)
        self.norm = norm(c)

    def forward(self, x, mask=None):
        factor = 1 if mask is None else mask[..., None, None]
        return self.norm(self.pointwise(self.depthwise(F.relu(x) * factor)))


class Reduce(nn.Module):
    def __init__(self, c_in, c_out):
        super().__init__()
        self.first = conv(c_in, c_out // 2, 1, 2)
        self.second = conv(c_in, c_out - c_out // 2, 1, 2)
        self.norm = norm(c_out)

    def forward(self, x, mask=None):
        x = F.relu(x)
        shifted = F.pad(x, (0, x.shape[3] % 2, 0, x.shape[2] % 2))[:, :, 1:, 1:]
        y = self.norm(torch.cat([self.first(x), self.second(shifted)], 1))
        return y if mask is None else y * mask[..., None, None]


class DrawnNoise(nn.Module):
    """What was drawn for the edge, by the fused network's generator or by the test."""

    def __init__(self, c, normalised):
        super().__init__()
        self.drawn = None
        self.norm = norm(c) if normalised else nn.Identity()

    def forward(self, x, mask=None):
        y = self.norm(self.drawn)
        return y if mask is None else y * mask[..., None, None]


class Parameterless(nn.Module):
    def __init__(self, name, c, stride, normalise_skip, surrogate):
        super().__init__()
        self.name, self.stride = name, stride
        self.pointwise = conv(c, c, 1) if surrogate and name != "none" else None
        normalised = (
            self.pointwise is not None
            or name.endswith("pool_3x3")
            or (name == "skip_connect" and normalise_skip)
        )
        self.norm = norm(c) if normalised else nn.Identity()

    def forward(self, x, mask=None):
        if self.name == "none":
            return torch.zeros_like(x[:, :, :: self.stride, :: self.stride])
        if self.name == "max_pool_3x3":
            x = F.max_pool2d(x, 3, self.stride, 1)
        if self.name == "avg_pool_3x3":
            x = F.avg_pool2d(x, 3, self.stride, 1, count_include_pad=False)
        if self.pointwise is not None:
            return self.norm(self.pointwise(x if mask is None else x * mask[..., None, None]))
        y = self.norm(x)
        return y if mask is None else y * mask[..., None, None]


def operation(name, c, stride, normalise_skip, surrogate=False):
    kernel = 5 if name.endswith("5x5") else 3
    if name.startswith("sep_conv"):
        return SepConv(c, kernel, stride)
    if name.startswith("dil_conv"):
        return DilConv(c, kernel, stride)
    if name == "skip_connect" and stride == 2:
        return Reduce(c, c)
    if name == "noise":
        return DrawnNoise(c, normalise_skip)
    return Parameterless(name, c, stride, normalise_skip, surrogate)


def stride(position, source):
    return 2 if position.reduces and source < 2 else 1


class PlainCell(nn.Module):
    """`operations`: of every edge, or one tuple an edge for the mixture's `columns`."""

    def __init__(self, position, graph, operations, normalise_skip, surrogate=False, columns=None):
        super().__init__()
        self.graph, self.names, self.reduces = graph, operations, position.reduces
        self.columns = columns or operations
        if columns is None:
            self.names = (operations,) * len(graph.edges)
        c = position.channels
        if position.previous_reduces:
            self.pre_0 = Reduce(position.inputs[0], c)
        else:
            self.pre_0 = nn.Sequential(nn.ReLU(), conv(position.inputs[0], c, 1), norm(c))
        self.pre_1 = nn.Sequential(nn.ReLU(), conv(position.inputs[1], c, 1), norm(c))
        self.edges = nn.ModuleList(
            nn.ModuleList(
                operation(n, c, stride(position, source), normalise_skip, surrogate) for n in names
            )
            for (source, _), names in zip(graph.edges, self.names, strict=True)
        )

    def forward(self, before, last, mixture: CellMixture):
        states = [self.pre_0(before), self.pre_1(last)]
        empty = states[1][:, :, ::2, ::2] if self.reduces else states[1]
        for node in range(self.graph.nodes):
            total = torch.zeros_like(empty)
            for edge in self.graph.of_node(node):
                x = states[self.graph.edges[edge][0]]
                for o, name in enumerate(self.columns):
                    if name == "none":
                        continue  # adds zero, whatever its weight
                    kept = mixture.active
                    if kept is not None and edge not in kept.get(name, ()):
                        continue
                    mask = mixture.masks.get(name)
                    y = self.edges[edge][o](x, None if mask is None else mask[..., edge, :])
                    total = total + mixture.weights[..., edge, o].reshape(-1, 1, 1, 1) * y
            states.append(total)
        return torch.cat(states[2:], 1)


class PlainSupernet(nn.Module):
    def __init__(
        self,
        space: SpaceConfig,
        image_shape,
        classes,
        normalise_operations=False,
        surrogates=False,
    ):
        super().__init__()
        graph = CellGraph(2, space.nodes)
        stem_channels = space.stem_multiplier * space.channels
        self.positions = darts_positions(space.cells, space.channels, space.nodes, stem_channels)
        self.stem = nn.Sequential(
            conv(image_shape[0], stem_channels, 3, 1, 1),
            nn.BatchNorm2d(stem_channels, track_running_stats=False),
        )
        self.cells = nn.ModuleList()
        for p in self.positions:
            choices = space.choices(p.kind)
            columns = None if choices is None else space.operations
            names = choices or space.operations
            self.cells.append(PlainCell(p, graph, names, normalise_operations, surrogates, columns))
        self.classifier = nn.Linear(space.nodes * self.positions[-1].channels, classes)

    def forward(self, images: Tensor, mixture: Mixture) -> Tensor:
        before = last = self.stem(images)
        for cell, p in zip(self.cells, self.positions, strict=True):
            before, last = last, cell(before, last, mixture.cell(p.index, p.kind))
        return self.classifier(last.mean((2, 3)))


def pairs(fused: Supernet, plain: PlainSupernet):
    """(plain parameter, fused parameter, which part of it corresponds: a function of a tensor)."""

    def whole(tensor):
        return tensor

    def block(number, blocks):
        return lambda tensor: tensor.unflatten(0, (blocks, -1))[number]

    yield plain.stem[0].weight, fused.stem.weight, whole
    for name in ("weight", "bias"):
        yield getattr(plain.stem[1], name), getattr(fused.stem_norm, name), whole
        yield getattr(plain.classifier, name), getattr(fused.classifier, name), whole
    for slow, fast in zip(plain.cells, fused.cells, strict=True):
        for mine, theirs in ((slow.pre_0, fast.preprocess[0]), (slow.pre_1, fast.preprocess[1])):
            if isinstance(mine, Reduce):
                yield mine.first.weight, theirs.convolution.first.weight, whole
                yield mine.second.weight, theirs.convolution.second.weight, whole
            else:
                yield mine[1].weight, theirs.convolution.weight, whole
        for stage in fast.stages:
            for number, edge in enumerate(stage.graph.edges):
                for o, name in enumerate(slow.names[edge]):
                    module = slow.edges[edge][o]
                    for key, parameter in module.named_parameters():
                        merged = stage.operations[name]
                        held = merged.held or range(len(stage.graph.edges))
                        cut = block(held.index(number), len(held))
                        if isinstance(module, Reduce):
                            merged = merged.reduce
                        yield (
                            parameter,
                            merged.get_submodule(key.removesuffix(".weight")).weight,
                            cut,
                        )


def copy_weights(fused: Supernet, plain: PlainSupernet) -> None:
    """Give the plain network the fused one's weights."""
    with torch.no_grad():
        for mine, theirs, part in pairs(fused, plain):
            mine.copy_(part(theirs))


def give_noise(fused: Supernet, plain: PlainSupernet) -> list:
    """From now on the plain network uses what the fused one draws for `noise`; the hooks."""
    hooks = []
    for slow, fast in zip(plain.cells, fused.cells, strict=True):
        for stage in fast.stages:
            if "noise" not in stage.operations:
                continue

            def keep(_, arguments, output, slow=slow, stage=stage):
                edges = arguments[1]
                edges = range(len(stage.graph.edges)) if edges is None else edges
                for e, drawn in zip(edges, output[0].detach().chunk(len(edges), 1), strict=True):
                    edge = stage.graph.edges[e]
                    slow.edges[edge][slow.names[edge].index("noise")].drawn = drawn

            hooks.append(stage.operations["noise"].register_forward_hook(keep))
    return hooks
