"""The fused super-network against the textbook loop over edges and operations (the oracle)."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from cases import Case, cases, shipped
from comparing import apart, assert_equal_networks, gradients, plain_of
from hypothesis import example, given, settings
from hypothesis import strategies as st
from plain_supernet import pairs

from bench.noise import Noise
from bench.space.genotype import Genotype
from bench.space.selection import strongest_edges
from bench.space.supernet import Supernet
from methods.variational import VariationalLayers

FORMS = [
    {"weights": weights, "masks": masks, "active": active}
    for weights in ("batch", "example")
    for masks in (None, "batch", "example")
    for active in (False, True)
]


@settings(max_examples=60, deadline=None)
@given(cases())
@example(shipped())
@example(shipped(channels_last=False, size=(7, 9)))
def test_equal_in_float64(case: Case) -> None:
    assert_equal_networks(case, torch.float64, 1e-10, 1e-9)


@settings(max_examples=25, deadline=None)
@given(cases(smallest=8, batches=(6, 8)))
@example(shipped(batch=8))
def test_equal_in_float32(case: Case) -> None:
    assert_equal_networks(case, torch.float32, 1e-5, 1e-4)


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("form", FORMS, ids=lambda form: "-".join(map(str, form.values())))
def test_every_form_of_mixture(form: dict, channels_last: bool) -> None:
    case = shipped(channels_last=channels_last, normalise_operations=True, **form)
    assert_equal_networks(case, torch.float64, 1e-10, 1e-9)


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
    mixture = fused.genotype_mixture(Genotype("darts", cells))
    for kind, cell in mixture.cells.items():
        ones = {
            (case.space.operations[o], fused.graph.edges[e]) for e, o in cell.weights.nonzero().tolist()
        }
        kept = {(op, (s, n)) for n, node in enumerate(cells[kind]) for op, s in node}
        assert ones == kept and cell.weights.sum() == len(kept)
    everything = {
        kind: dataclasses.replace(cell, weights=cell.weights.double(), active=None)
        for kind, cell in mixture.cells.items()
    }
    images = case.images(torch.float64)
    found = fused(images, dataclasses.replace(mixture, cells={
        kind: dataclasses.replace(cell, weights=cell.weights.double())
        for kind, cell in mixture.cells.items()
    }))
    expected = plain(images, dataclasses.replace(mixture, cells=everything))
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
@pytest.mark.parametrize("estimator", ["weight", "lrt", "lrt_fused", "flipout"])
def test_variational_weights(estimator: str, form: dict, channels_last: bool) -> None:
    """Means in evaluation mode; in training `weight` is the plain network of the drawn weights."""
    noise = Recorded()
    case = shipped(channels_last=channels_last, **form)
    layers = VariationalLayers(noise, estimator, initial_log_variance=-4.0)  # type: ignore[arg-type]
    fused = case.supernet(torch.float64, layers)
    images, mixture = case.images(torch.float64), case.mixture(fused, torch.float64)
    plain = plain_of(case, fused, torch.float64)
    expected = plain(images, mixture)
    assert apart(fused.eval()(images, mixture), expected) <= 1e-10
    fused.train()
    if estimator != "weight":
        assert apart(fused(images, mixture), expected) > 1e-3
        return

    called: list[tuple[torch.nn.Module, object]] = []
    hooks = [
        layer.register_forward_pre_hook(
            lambda module, args, kwargs: called.append((module, args[1] if len(args) > 1 else None)),
            with_kwargs=True,
        )
        for layer in layers.made
    ]
    drawn = fused(images, mixture)
    of_mean = dict(zip(layers.means(), gradients(drawn, [*layers.means()]), strict=True))
    for hook in hooks:
        hook.remove()
    assert len(called) == len(noise.draws)
    with torch.no_grad():
        for (module, edges), eps in zip(called, noise.draws, strict=True):
            shift = eps * (0.5 * -4.0 * torch.ones(())).exp()
            blocks = module.weight
            if edges is not None:
                blocks = module.weight.unflatten(0, (module.blocks, -1))[list(edges)]
                module.weight.unflatten(0, (module.blocks, -1))[list(edges)] = blocks + (
                    shift.view_as(blocks)
                )
            else:
                module.weight.add_(shift)
    plain = plain_of(case, fused, torch.float64)
    again = plain(images, mixture)
    assert apart(drawn, again) <= 1e-10
    matched = [(mine, theirs, part) for mine, theirs, part in pairs(fused, plain) if theirs in of_mean]
    for value, (_, theirs, part) in zip(
        gradients(again, [mine for mine, _, _ in matched]), matched, strict=True
    ):
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
    for mine, theirs in zip(gradients(rough.float(), parameters), gradients(exact, parameters), strict=True):
        assert mine.isfinite().all() and mine.dtype == theirs.dtype
    assert isinstance(fused, Supernet)
