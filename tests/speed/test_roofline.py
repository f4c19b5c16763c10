"""What a step computes and moves, and its bound on a machine, against closed forms."""

from __future__ import annotations

import io
import json
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from bench.speed import report
from bench.speed.context import Context
from bench.speed.roofline import bounds, peaks
from bench.speed.roofline.steps import measure_steps
from bench.speed.roofline.work import Work, count

CPU = torch.device("cpu")
FLOAT = 4  # bytes

A, B, C = torch.ones(3, 5), torch.ones(5, 7), torch.ones(3, 7)
IMAGES, WEIGHT = torch.ones(2, 4, 6, 6), torch.ones(8, 2, 3, 3)
"""Of a convolution in two groups, padded by 1: 8 channels of 6x6 come out."""
BATCH, ONE, ROW = torch.ones(6, 3, 5), torch.ones(1), torch.ones(7)
DEPTHWISE, SMALL, UP = torch.ones(4, 1, 3, 3), torch.ones(1, 2, 4, 4), torch.ones(2, 3, 2, 2)

CLOSED_FORMS: dict[str, tuple[Callable[[], object], float, float]] = {
    "product": (lambda: A @ B, 2 * 3 * 5 * 7, 15 + 35 + 21),
    "product and sum": (lambda: torch.addmm(C, A, B), 2 * 3 * 5 * 7, 21 + 15 + 35 + 21),
    "batch of products": (
        lambda: torch.bmm(BATCH, BATCH.transpose(1, 2)),
        *(6 * 2 * 3 * 5 * 3, 90 + 90 + 54),
    ),
    "convolution in groups": (
        lambda: F.conv2d(IMAGES, WEIGHT, padding=1, groups=2),
        *(2 * (2 * 8 * 36) * (2 * 9), 288 + 144 + 576),
    ),
    "transposed convolution": (
        lambda: F.conv_transpose2d(SMALL, UP, stride=2),
        *(2 * (2 * 16) * (3 * 4), 32 + 24 + 192),
    ),
    "depthwise convolution": (
        lambda: F.conv2d(IMAGES, DEPTHWISE, groups=4),
        *(2 * (2 * 4 * 16) * 9, 288 + 36 + 128),
    ),
    "sum of two": (lambda: A + A.clone(), 0, (15 + 15) + (15 + 15 + 15)),
    "an argument given twice is read once": (lambda: A * A, 0, 15 + 15),
    "a broadcast axis is read once": (lambda: ONE.expand(9) + 1, 0, 1 + 9),
    "in place": (lambda: C.add_(1), 0, 21 + 21),
    "a copy reads one side": (lambda: C.copy_(ROW), 0, 7 + 21),
    "into a given place": (lambda: torch.add(A, A, out=torch.empty(3, 5)), 0, 15 + 15),
    "lists": (lambda: torch._foreach_mul_([A.view(-1), C.view(-1)], 1.0), 0, 2 * (15 + 21)),
    "views move nothing": (lambda: A.view(5, 3).t()[1:], 0, 0),
    "like another": (lambda: torch.zeros_like(A), 0, 15),
    "memory alone moves nothing": (lambda: torch.empty(5, 5), 0, 0),
}


@pytest.mark.parametrize("name", CLOSED_FORMS)
def test_operations_and_traffic(name: str) -> None:
    work, flops, elements = CLOSED_FORMS[name]
    assert count(work) == Work(flops, FLOAT * elements)


@pytest.mark.parametrize("groups", [1, 4])
@pytest.mark.parametrize("frozen", ["nothing", "images", "weights"])
def test_backward_of_a_convolution(groups: int, frozen: str) -> None:
    """Each gradient costs what the forward pass does, in any number of groups."""
    images = torch.ones(2, 4, 6, 6, requires_grad=frozen != "images")
    weight = torch.ones(8, 4 // groups, 3, 3, requires_grad=frozen != "weights")
    output = F.conv2d(images, weight, groups=groups)
    gradient = torch.ones_like(output)
    forward = 2 * output.numel() * weight[0].numel()
    both = frozen == "nothing"
    traffic = output.numel()
    traffic += 2 * weight.numel() if both else weight.numel()  # read for one, written for the other
    traffic += 2 * images.numel() if both else images.numel()
    found = count(lambda: torch.autograd.backward(output, gradient))
    assert found.flops == forward * (2 if both else 1)
    assert found.bytes == FLOAT * traffic


def test_a_step_of_a_layer_is_the_sum_of_its_operators() -> None:
    layer, x = nn.Linear(5, 7, bias=False), torch.ones(3, 5)
    weight = layer.weight

    def step() -> None:
        layer(x).sum().backward()
        weight.grad = None

    product, summed = 15 + 35 + 21, 21 + 1
    ones, gradient = 1, 1 + 15 + 35  # of the sum, expanded; then x^T g
    found = count(step)
    assert found.flops == 2 * (2 * 3 * 5 * 7)
    assert found.bytes == FLOAT * (product + summed + ones + gradient)


def test_the_bound_is_the_slower_of_the_two() -> None:
    work = Work(flops=600.0, bytes=100.0)
    assert bounds.bound(work, peak=200.0, bandwidth=100.0) == 3.0
    assert bounds.bound(work, peak=600.0, bandwidth=20.0) == 5.0


def test_shares_are_taken_by_round_and_written() -> None:
    """The machine is twice as slow in the last round, and so is the step: the share stays."""
    samples = {"fused": {"step": [4.0, 4.0, 8.0], "other": [1.0, 1.0, 1.0]}}
    rates = {peaks.PRODUCT: [2e9, 2e9, 1e9], peaks.TRIAD: [8e9, 8e9, 4e9]}
    section = report.Section("W1", "W1", "fused")
    work = {("fused", "step"): Work(2e9, 16e9)}
    rows = bounds.with_bounds(section.rows(samples), samples, work, rates)
    rows += bounds.machine_rows(section, rates)
    step, other, product, triad = rows
    assert (step.bound, step.bound_by, step.share) == (2.0, bounds.MEMORY, 0.5)
    assert (step.share_low, step.share_high, other.share) == (0.5, 0.5, None)
    assert (product.median, product.unit, triad.median, triad.unit) == (2, "GFLOP/s", 8, "GB/s")
    sentence = "W1, fused: a step reaches 50% of its bound (50% to 50%): 16 GB at 8 GB/s take 2 s."
    facts = bounds.facts(rows)
    assert facts["sentences"] == [sentence]
    assert facts["bounds"][0]["share"] == 0.5 and facts["bounds"][0]["bytes"] == 16e9
    assert facts["machine"]["memory bandwidth, GB/s"]["median"] == 8
    assert json.loads(json.dumps(facts)) == facts
    table = bounds.table(rows).splitlines()
    assert "fused: step" in table[1] and "50%" in table[1] and table[1].endswith("memory")
    assert max(map(len, table)) <= 80
    assert bounds.table([other]) == "" and bounds.facts([other]) == {}


def test_a_product_reaches_most_of_what_the_machine_does_with_one() -> None:
    """The same product as a step: its share is what repeated measurements differ by."""
    context = Context(CPU, 1, 3, True, {"growth": 1.0}, stream=io.StringIO())
    context.begin("growth")
    matrix = torch.rand(peaks.QUICK_SIDE, peaks.QUICK_SIDE)
    output = torch.empty_like(matrix)
    section = report.Section("growth", "own", "product")
    rows = measure_steps(
        context, section, {"product": lambda: torch.mm(matrix, matrix, out=output)}
    )
    assert [row.variant for row in rows] == ["product", peaks.MACHINE, peaks.MACHINE]
    assert rows[0].flops == 2 * peaks.QUICK_SIDE**3
    assert rows[0].bytes == FLOAT * 2 * peaks.QUICK_SIDE**2
    assert rows[0].share is not None and rows[0].share > 0
    assert all(row.samples == 3 and row.median > 0 for row in rows)


def test_the_triads_arrays_are_far_larger_than_the_last_cache() -> None:
    assert peaks.last_cache(CPU) >= 2**20
    measured = peaks.Peaks(CPU)
    assert 3 * measured.bytes >= 3 * peaks.CACHES * peaks.last_cache(CPU)
    assert measured.side / 6 > 100  # operations a byte of the product
