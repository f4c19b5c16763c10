"""The fused super-network against the textbook loop over edges and operations (the oracle)."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.cases import Case, cases, shipped
from support.comparing import (
    apart,
    assert_equal_in_float32,
    assert_equal_in_float64,
    gradients,
    plain_of,
)
from support.plain_weights import pairs
from torch import nn

from bench.noise import Noise
from bench.space.genotype import Genotype
from bench.space.mixture import Mixture
from bench.space.selection import strongest_edges
from methods.variational.layers import GaussianLayer, VariationalConvolution, VariationalLayers

FORMS = [
    {"weights": weights, "masks": masks, "active": active}
    for weights in ("batch", "example")
    for masks in (None, "batch", "example")
    for active in (False, True)
]


@settings(max_examples=40, deadline=None)
@given(cases())
@example(shipped())
@example(shipped(channels_last=False, size=(7, 9)))
@example(shipped(surrogates=True, masks="example"))
def test_equal_in_float64(case: Case) -> None:
    assert_equal_in_float64(case)


@settings(max_examples=20, deadline=None, derandomize=True)
@given(cases(smallest=8, batches=(6, 8), fewest=3))  # with 1 channel float32 itself is off
@example(shipped(batch=8))
def test_equal_in_float32(case: Case) -> None:
    assert_equal_in_float32(case)


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("form", FORMS, ids=lambda form: "-".join(map(str, form.values())))
def test_every_form_of_mixture(form: dict, channels_last: bool) -> None:
    case = shipped(channels_last=channels_last, normalise_operations=True, **form)
    assert_equal_in_float64(case)


@settings(max_examples=15, deadline=None)
@given(cases(), st.integers(0, 9))
def test_a_candidate_is_the_network_of_its_operations_alone(case: Case, seed: int) -> None:
    """Inherited weights: equal to the plain network with weight 1 where kept and 0 elsewhere."""
    case = dataclasses.replace(case, masks=None, active=False, weights="batch")
    fused = case.supernet(torch.float64)
    plain = plain_of(case, fused, torch.float64)
    generator = torch.Generator().manual_seed(seed)
    cells = {}
    for kind in ("normal", "reduce"):
        scores = torch.rand(len(fused.graph.edges), len(case.space.operations), generator=generator)
        scores[torch.rand(len(scores), generator=generator) < 0.3] = float("-inf")  # empty edges
        cells[kind], _ = strongest_edges(scores, fused.graph, case.space.operations)
    names = case.space.operations
    mixture = fused.genotype_mixture(Genotype("darts", cells))
    for kind, cell in mixture.cells.items():
        ones = {(names[o], fused.graph.edges[e]) for e, o in cell.weights.nonzero().tolist()}
        kept = {(op, (s, n)) for n, node in enumerate(cells[kind]) for op, s in node}
        assert ones == kept and cell.weights.sum() == len(kept)
    candidate, everything = {}, {}
    for kind, cell in mixture.cells.items():
        candidate[kind] = dataclasses.replace(cell, weights=cell.weights.double())
        everything[kind] = dataclasses.replace(candidate[kind], active=None)
    images = case.images(torch.float64)
    found, expected = fused(images, Mixture(candidate)), plain(images, Mixture(everything))
    assert apart(found, expected) <= 1e-10


def test_what_a_candidate_does_not_keep_is_not_computed() -> None:
    case = shipped()
    fused = case.supernet(torch.float32)
    cell = ((("sep_conv_3x3", 0),), (("skip_connect", 1),), (("max_pool_3x3", 2),))
    calls: list[str] = []
    for stage in (s for c in fused.fused_cells() for s in c.fused_stages()):
        for name, module in stage.operations.items():
            module.register_forward_hook(lambda *_, name=name: calls.append(name))
    mixture = fused.genotype_mixture(Genotype("darts", {"normal": cell, "reduce": cell}))
    fused(case.images(torch.float32), mixture)
    # once a cell: a skip connection is an operation with weights in reduction cells alone
    kinds = [position.kind for position in fused.positions]
    assert sorted(calls) == ["sep_conv_3x3"] * len(kinds) + ["skip_connect"] * kinds.count("reduce")


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("form", [FORMS[0], FORMS[3], FORMS[4]], ids=["plain", "active", "masked"])
@pytest.mark.parametrize("estimator", ["weight", "lrt", "lrt_fused", "flipout", "mixed"])
def test_variational_weights(estimator: str, form: dict, channels_last: bool) -> None:
    """Means in evaluation mode; in training `weight` is the plain network of the drawn weights."""
    noise = Recorded()
    case = shipped(channels_last=channels_last, **form)
    layers = VariationalLayers(noise, estimator, log_variance=-4.0)  # type: ignore[arg-type]
    fused = case.supernet(torch.float64, layers)
    images, mixture = case.images(torch.float64), case.mixture(fused, torch.float64)
    plain = plain_of(case, fused, torch.float64)
    expected = plain(images, mixture)
    assert apart(fused.eval()(images, mixture), expected) <= 1e-10
    fused.train()
    if estimator != "weight":
        assert apart(fused(images, mixture), expected) > 1e-3
        return

    called: list[tuple[VariationalConvolution, tuple[int, ...] | None]] = []

    def remember(module: nn.Module, arguments: tuple) -> None:
        called.append((module, arguments[1] if len(arguments) > 1 else None))

    gaussian = [m for m in fused.modules() if isinstance(m, GaussianLayer)]
    hooks = [layer.register_forward_pre_hook(remember) for layer in gaussian]
    drawn = fused(images, mixture)
    means = [layer.weight for layer in gaussian]
    of_mean = dict(zip(means, gradients(drawn, means), strict=True))
    for hook in hooks:
        hook.remove()
    assert len(called) == len(noise.draws)
    with torch.no_grad():  # each layer's weights become what was drawn
        for (layer, edges), eps in zip(called, noise.draws, strict=True):
            blocks = layer.weight
            if edges is None:
                blocks.add_(eps * math.exp(0.5 * -4.0))
                continue
            blocks = blocks.unflatten(0, (layer.blocks, -1))
            shift = (eps * math.exp(0.5 * -4.0)).unflatten(0, (len(edges), -1))
            blocks[list(edges)] = blocks[list(edges)] + shift
    plain = plain_of(case, fused, torch.float64)
    again = plain(images, mixture)
    assert apart(drawn, again) <= 1e-10
    matched = [pair for pair in pairs(fused, plain) if pair[1] in of_mean]
    assert len(matched) > len(means) // 2
    values = gradients(again, [mine for mine, _, _ in matched])
    for value, (_, theirs, part) in zip(values, matched, strict=True):
        assert apart(part(of_mean[theirs]), value) <= 1e-9


class Recorded(Noise):
    """Remembers its normal draws."""

    def __init__(self) -> None:
        super().__init__()
        self.draws: list[torch.Tensor] = []

    def normal(self, like: torch.Tensor) -> torch.Tensor:
        self.draws.append(super().normal(like))
        return self.draws[-1]


@pytest.mark.parametrize("channels_last", [False, True])
def test_bfloat16_autocast_is_near_float32_and_has_gradients(channels_last: bool) -> None:
    case = shipped(channels_last=channels_last, batch=8, normalise_operations=True)
    fused = case.supernet(torch.float32)
    images, mixture = case.images(torch.float32), case.mixture(fused, torch.float32)
    exact = fused(images, mixture)
    with torch.autocast("cpu", torch.bfloat16):
        rough = fused(images, mixture)
    assert apart(rough, exact) < 0.15
    parameters = list(fused.parameters())
    for mine, theirs in zip(gradients(rough.float(), parameters), parameters, strict=True):
        assert mine.isfinite().all() and mine.dtype == theirs.dtype
