"""Which tensor of the plain super-network is which part of which tensor of the fused one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from bench.space.supernet import Supernet
from bench.testing import plain_supernet

Pair = tuple[Tensor, Tensor, Callable[[Tensor], Tensor]]


def pairs(fused: Supernet, plain: plain_supernet.PlainSupernet) -> Iterator[Pair]:
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
            if isinstance(mine, plain_supernet.Reduce):
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
                        if isinstance(module, plain_supernet.Reduce):
                            merged = merged.reduce
                        yield (
                            parameter,
                            merged.get_submodule(key.removesuffix(".weight")).weight,
                            cut,
                        )


def copy_weights(fused: Supernet, plain: plain_supernet.PlainSupernet) -> None:
    """Give the plain network the fused one's weights."""
    with torch.no_grad():
        for mine, theirs, part in pairs(fused, plain):
            mine.copy_(part(theirs))


def give_noise(fused: Supernet, plain: plain_supernet.PlainSupernet) -> list[Any]:
    """From now on the plain network uses what the fused one draws for `noise`; the hooks."""
    hooks = []
    for slow, fast in zip(plain.cells, fused.cells, strict=True):
        for stage in fast.stages:
            if "noise" not in stage.operations:
                continue

            def keep(_, arguments, output, slow=slow, stage=stage):
                edges = arguments[1]
                edges = range(len(stage.graph.edges)) if edges is None else edges
                for e, drawn in zip(edges, output.detach().chunk(len(edges), 1), strict=True):
                    edge = stage.graph.edges[e]
                    slow.edges[edge][slow.names[edge].index("noise")].drawn = drawn

            hooks.append(stage.operations["noise"].register_forward_hook(keep))
    return hooks
