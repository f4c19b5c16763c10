"""Architecture rates follow the steps of the search, for every method that has them; entropies."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pytest
import torch
from support import small_tasks

from bench import plugins
from bench.method import Method
from bench.training.search import build
from bench.training.signals import sum_rates
from methods.relaxed import Relaxed

# steps that each method's source states, worked out from its epochs, images and batch size
STATED = {
    "darts": 50 * (25_000 // 64),
    "r-darts": 50 * (25_000 // 64),
    "balenas": 50 * (25_000 // 64),
    "drnas": 100 * (25_000 // 64),
    "snas": 150 * (50_000 // 64),
    "gdas": 250 * (25_000 // 256),
    "pc-darts": 50 * (25_000 // 256),
}
SPACE = small_tasks.space(channels=4)


def searching(
    name: str, options: Mapping[str, Any] | None = None, **budget: Any
) -> tuple[Method, list[Any]]:
    """The method and the phases of a search of a few steps."""
    kind = plugins.load_method(name)
    arguments = small_tasks.search_arguments(kind, kind.Config(**options or {}), SPACE, **budget)
    method, supernet = build(arguments)
    phases = method.phases(supernet)
    for phase in phases:  # as the trainer does
        for optimiser in phase.optimisers:
            for group in optimiser.param_groups:
                group.setdefault("initial_lr", group["lr"])
    return method, phases


def own_rate(method: Method, phases: list[Any]) -> float:
    """The learning rate of the method's own parameters before any schedule."""
    own = {id(parameter) for parameter in method.parameters()}
    (rate,) = {
        group["lr"]
        for phase in phases
        for optimiser in phase.optimisers
        for group in optimiser.param_groups
        if own & {id(parameter) for parameter in group["params"]}
    }
    return float(rate)


def test_every_relaxed_method_is_here() -> None:
    relaxed = {
        name for name in plugins.list_methods() if issubclass(plugins.load_method(name), Relaxed)
    }
    assert relaxed == set(STATED)


@pytest.mark.parametrize("name", STATED)
def test_rate_times_steps_is_the_papers(name: str) -> None:
    """100 images, a half has 50; 12 steps of 4 in an epoch (25 on all of them)."""
    method, phases = searching(name, rate_cap=1e6)
    steps = 2 * (25 if name == "snas" else 12)
    stated = method.config.alpha_learning_rate
    assert own_rate(method, phases) * steps == pytest.approx(stated * STATED[name])


@pytest.mark.parametrize("name", STATED)
def test_the_cap_holds_and_1_leaves_the_papers_rate(name: str) -> None:
    for cap in (16.0, 1.0):
        method, phases = searching(name, rate_cap=cap)
        assert method.rate_factor == cap
        stated = method.config.alpha_learning_rate
        assert own_rate(method, phases) == pytest.approx(cap * stated)


def test_bayesnas_scales_its_switches_alone() -> None:
    """Its paper's two epochs have 2,777 steps of 18 images each."""
    method, phases = searching("bayesnas", rate_cap=1e6)
    assert method.rate_factor * 2 * 25 == pytest.approx(2 * (50_000 // 18))
    weights, switches = phases[-1].optimisers[0].param_groups
    assert weights["lr"] == method.config.learning_rate
    assert switches["lr"] == pytest.approx(method.config.learning_rate * method.rate_factor)


def test_a_method_without_architecture_rates_has_factor_1() -> None:
    kind = plugins.load_method("random")
    method, _ = build(small_tasks.search_arguments(kind, kind.Config(), SPACE))
    assert method.rate_factor == 1


@pytest.mark.parametrize("name", STATED)
def test_entropy_is_the_edges_mean(name: str) -> None:
    """Uniform: the logarithm of the number of operations; decided: 0; half of each: half."""
    method, _ = searching(name)
    assert isinstance(method, Relaxed)
    operations = len(SPACE.operations)

    def entropy(sure: Mapping[str, int]) -> float:
        """Of alphas in which, by cell type, so many edges are sure of one operation."""
        with torch.no_grad():
            for kind, alpha in method.alpha.items():
                alpha.zero_()
                alpha[: sure.get(kind, 0), 2] = 1e4
                alpha[: sure.get(kind, 0), [0, 1, 3, 4]] = -1e4
        found, maximum = method.entropy()
        assert maximum == pytest.approx(math.log(operations))
        return found / maximum

    edges = len(method.task.graph.edges)
    assert entropy({}) == pytest.approx(1)
    assert entropy({"normal": edges, "reduce": edges}) == pytest.approx(0, abs=1e-5)
    assert entropy({"normal": edges}) == pytest.approx(0.5, abs=1e-5)
    assert entropy({"reduce": 1}) == pytest.approx(1 - 1 / (2 * edges), abs=1e-5)


def test_entropy_of_a_dirichlet_is_that_of_its_mean() -> None:
    method, _ = searching("drnas")
    assert isinstance(method, Relaxed)
    with torch.no_grad():
        for alpha in method.alpha.values():
            alpha[:] = torch.tensor([0.0, 1.0, 2.0, 0.0, 0.0])  # concentrations 1, 2, 3, 1, 1
    expected = -sum(p / 8 * math.log(p / 8) for p in (1, 2, 3, 1, 1))
    assert method.entropy()[0] == pytest.approx(expected, rel=1e-5)


def test_sums_of_rates_follow_schedule_and_rest() -> None:
    def total(name: str, **budget: Any) -> float:
        method, phases = searching(name, **budget)
        epochs = method.task.epochs
        sums = []
        for epoch in range(1, epochs + 1):
            method.begin_epoch(epoch)
            sums.append(sum_rates(method, phases, (epoch - 1) / epochs, steps=7))
        return sum(sums)

    assert total("darts", epochs=4, rate_cap=1.0) == pytest.approx(4 * 7 * 3e-4)
    assert total("darts", epochs=4, rate_cap=10.0) == pytest.approx(4 * 7 * 3e-3)
    # PC-DARTS's alpha rests in the first 3 epochs of 10
    assert total("pc-darts", epochs=10, rate_cap=1.0) == pytest.approx(7 * 7 * 6e-4)
    # SNAS's follows the weights' cosine to 0
    factors = [(1 + math.cos(math.pi * quarter / 4)) / 2 for quarter in range(4)]
    assert total("snas", epochs=4, rate_cap=1.0) == pytest.approx(7 * 3e-4 * sum(factors))


def test_r_darts_has_no_rates_after_its_stop() -> None:
    method, phases = searching("r-darts", rate_cap=1.0)
    assert sum_rates(method, phases, 0.0, steps=5) == pytest.approx(5 * 3e-4)
    method.get_buffer("returned").fill_(1)
    assert sum_rates(method, phases, 0.0, steps=5) == 0
