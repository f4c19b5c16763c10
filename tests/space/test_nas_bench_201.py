"""The NAS-Bench-201 space: fused against plain, text form, sizes of published cells."""

from __future__ import annotations

import dataclasses
import random

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.cases import Case, nas_bench_201_cases, shipped
from support.comparing import apart, assert_equal_in_float32, assert_equal_in_float64, plain_of

from bench.errors import ConfigurationError
from bench.noise import Noise
from bench.space.building import build_network
from bench.space.genotype import Genotype
from bench.space.mixture import Mixture
from bench.space.nas_bench_201.config import NAS_BENCH_201_OPERATIONS, NasBench201Config
from bench.space.options import NetworkOptions
from bench.training.measure import flops, layer_table
from methods.variational.layers import VariationalLayers

SPACE = NasBench201Config()
BEST = (
    "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|"
    "+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|"
)
FORMS = [
    {"weights": weights, "masks": masks, "active": active}
    for weights in ("batch", "example")
    for masks in (None, "batch", "example")
    for active in (False, True)
]


def fixed(**options: object) -> Case:
    return shipped(space=NasBench201Config(cells=1, channels=3), **options)


@settings(max_examples=30, deadline=None)
@given(nas_bench_201_cases())
@example(fixed())
@example(fixed(channels_last=False, size=(7, 9)))
def test_fused_is_plain_in_float64(case: Case) -> None:
    assert_equal_in_float64(case)


@pytest.mark.parametrize("reduction", ["residual", "thin"])
def test_fused_is_plain_in_float32(reduction: str) -> None:
    space = NasBench201Config(cells=2, channels=4, reduction=reduction)  # type: ignore[arg-type]
    assert_equal_in_float32(shipped(space=space, batch=8))


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("form", FORMS, ids=lambda form: "-".join(map(str, form.values())))
def test_every_form_of_mixture(form: dict, channels_last: bool) -> None:
    assert_equal_in_float64(fixed(channels_last=channels_last, normalise_operations=True, **form))


@pytest.mark.parametrize("estimator", ["lrt", "lrt_fused", "weight", "flipout", "mixed"])
@pytest.mark.parametrize("masks", [None, "batch", "example"])
def test_variational_weights_without_variance_are_plain(estimator: str, masks: str | None) -> None:
    case = fixed(masks=masks)
    layers = VariationalLayers(Noise(), estimator, log_variance=-200.0)  # type: ignore[arg-type]
    fused = case.supernet(torch.float64, layers)
    images, mixture = case.images(torch.float64), case.mixture(fused, torch.float64)
    expected = plain_of(case, fused, torch.float64)(images.contiguous(), mixture)
    # the square root's floor of 1e-8 keeps a deviation of 1e-4 in local reparametrisation
    assert apart(fused.train()(images, mixture), expected) < 1e-2
    assert apart(fused.eval()(images, mixture), expected) <= 1e-10


@given(st.integers(0, 2**32))
@settings(max_examples=25)
def test_a_candidate_is_the_network_of_its_operations_alone(seed: int) -> None:
    case = fixed(weights="batch")
    fused = case.supernet(torch.float64)
    genotype = Genotype.from_nas_bench_201_text(drawn(seed))
    kept = fused.genotype_mixture(genotype)
    kept = Mixture(
        {k: dataclasses.replace(c, weights=c.weights.double()) for k, c in kept.cells.items()}
    )
    all_of_it = Mixture({k: dataclasses.replace(c, active=None) for k, c in kept.cells.items()})
    images = case.images(torch.float64)
    expected = plain_of(case, fused, torch.float64)(images.contiguous(), all_of_it)
    assert apart(fused(images, kept), expected) <= 1e-10


def drawn(seed: int) -> str:
    draw = random.Random(seed)
    return "+".join(
        "|" + "|".join(f"{draw.choice(NAS_BENCH_201_OPERATIONS)}~{s}" for s in range(n + 1)) + "|"
        for n in range(3)
    )


@given(st.integers(0, 2**32))
def test_text_reads_and_writes_every_cell(seed: int) -> None:
    text = drawn(seed)
    genotype = Genotype.from_nas_bench_201_text(text)
    assert (
        genotype.to_nas_bench_201_text() == text == Genotype.from_text(text).to_nas_bench_201_text()
    )
    assert Genotype.from_json(genotype.to_json()) == genotype
    assert not any(operation == "none" for _, _, operation, _ in genotype.pairs())


@pytest.mark.parametrize(
    "text",
    ["", "|", "|none~0|", "|none~0|+|none~1|none~0|+|none~0|none~1|none~2|", "|none|+|a~0|b~1|+||",
     "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|+|none~0|none~1|none~2|none~3|"],
)  # fmt: skip
def test_text_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a NAS-Bench-201 genotype text"):
        Genotype.from_nas_bench_201_text(text)


def test_cells_that_the_text_cannot_carry_are_refused() -> None:
    two = ((("a", 0), ("b", 0)),)
    for cells in ({"normal": two}, {"normal": two * 3}, {"0": (), "1": ()}):
        with pytest.raises(ValueError, match="the NAS-Bench-201 form"):
            Genotype("nas-bench-201", cells).to_nas_bench_201_text()


@pytest.mark.parametrize(
    ("size", "classes", "millions_of_parameters", "millions_of_multiply_adds"),
    [(32, 10, 1.289, 184.73), (32, 100, 1.294, 184.74), (16, 120, 1.296, 46.19)],
)
def test_sizes_of_the_best_cell_are_those_that_its_authors_print(
    size: int, classes: int, millions_of_parameters: float, millions_of_multiply_adds: float
) -> None:
    """Printed by the table's own code for architecture 9930, on CIFAR-10, -100, ImageNet16-120."""
    genotype = Genotype.from_nas_bench_201_text(BEST)
    network = build_network(genotype, SPACE, NetworkOptions(5, 16, (3, size, size), classes))
    parameters = sum(row["parameters"] for row in layer_table(network))
    assert round(parameters / 1e6, 3) == millions_of_parameters
    assert round(flops(network, (3, size, size)) / 2e6, 2) == millions_of_multiply_adds


def test_thin_reductions_are_the_residual_blocks_shortcuts() -> None:
    genotype = Genotype.from_nas_bench_201_text(BEST)
    sizes = {}
    for reduction in ("residual", "thin"):
        space = dataclasses.replace(SPACE, reduction=reduction)
        network = build_network(genotype, space, NetworkOptions(1, 8, (3, 16, 16), 10))
        network(torch.zeros(2, 3, 16, 16))
        rows = layer_table(network)
        sizes[reduction] = sum(r["parameters"] for r in rows if r["operation"] == "reductions")
    assert sizes == {"thin": 8 * 16 + 16 * 32, "residual": 8 * 16 * (1 + 9) + 16 * 32 * (1 + 9)
                     + 9 * (16 * 16 + 32 * 32) + 4 * (16 + 32)}  # fmt: skip


def test_there_is_no_auxiliary_head() -> None:
    genotype = Genotype.from_nas_bench_201_text(BEST)
    with pytest.raises(ConfigurationError, match="auxiliary_weight to 0"):
        build_network(genotype, SPACE, NetworkOptions(1, 4, (3, 8, 8), 10, auxiliary=True))


def test_the_empty_cell_is_a_network() -> None:
    empty = "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"
    network = build_network(
        Genotype.from_nas_bench_201_text(empty), SPACE, NetworkOptions(1, 4, (3, 8, 8), 10)
    )
    assert network(torch.zeros(2, 3, 8, 8))[0].shape == (2, 10)
