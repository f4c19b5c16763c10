"""What is particular to each further method, against closed forms."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from support import small_tasks

from bench.method import Task
from bench.noise import Noise
from bench.space.options import SupernetOptions
from bench.space.supernet import Supernet
from bench.training.config import SearchConfig
from bench.training.search import prepare
from methods.bayesnas import BayesNas, BayesNasConfig
from methods.controls.random_search import RandomSearch, RandomSearchConfig
from methods.drnas import DrNas, DrNasConfig
from methods.fisher import mixture_fisher
from methods.gdas import Gdas, GdasConfig
from methods.pc_darts import PcDarts, PcDartsConfig
from methods.r_darts import RDarts, RDartsConfig, last_good_epoch
from methods.snas import Snas, SnasConfig


@pytest.fixture
def task() -> Task:
    return small_tasks.task(epochs=5)


def test_gamma_draws_have_their_law_and_its_derivative() -> None:
    """Mean and variance are the concentration, so the mean's derivative is 1."""
    noise = Noise()
    noise.reseed("gamma")
    shape = torch.full((100_000,), 0.7, dtype=torch.float64, requires_grad=True)
    draws = noise.gamma(shape)
    assert draws.mean().item() == pytest.approx(0.7, abs=0.015)
    assert draws.var().item() == pytest.approx(0.7, abs=0.03)
    (slope,) = torch.autograd.grad(draws.sum(), shape)
    assert slope.mean().item() == pytest.approx(1.0, abs=0.02)


def test_concrete_draws_choose_by_softmax(task: Task) -> None:
    method = Snas(SnasConfig(draw="example", temperature_min=1e-3), task)
    with torch.no_grad():
        method.alpha["normal"].copy_(torch.randn_like(method.alpha["normal"]))
        method.begin_epoch(5)
        z = method.mixture(20_000).cell(0, "normal").weights
    assert (z.max(-1).values > 0.99).float().mean() > 0.98
    torch.testing.assert_close(
        z.mean(0), method.alpha["normal"].detach().softmax(-1), atol=0.015, rtol=0
    )


def test_temperatures_end_where_they_should(task: Task) -> None:
    methods = [
        Snas(SnasConfig(), task),
        Snas(SnasConfig(annealing="geometric"), task),
        Gdas(GdasConfig(), task),
    ]
    expected = {1: (1.0, 1.0, 10.0), 3: (0.515, math.sqrt(0.03), 5.05), 5: (0.03, 0.03, 0.1)}
    for epoch, temperatures in expected.items():
        for method in methods:
            method.begin_epoch(epoch)
        assert [method.temperature for method in methods] == pytest.approx(temperatures)


@pytest.mark.parametrize("idle", [True, False])
def test_gdas_runs_one_operation_an_edge(task: Task, idle: bool) -> None:
    """Forward one-hot, backward the softmax; what is idle has the code's gradient or none."""
    method = Gdas(GdasConfig(idle_gradient=idle, temperature=0.7), task)
    cell = method.mixture(4).cell(0, "normal")
    assert cell.active is not None and cell.shift is not None
    hard = torch.zeros_like(cell.weights)
    for column, name in enumerate(task.space.operations):
        hard[list(cell.active[name]), column] = 1.0
    torch.testing.assert_close(cell.weights.detach(), hard)
    assert bool((hard.sum(-1) == 1).all())
    assert bool((cell.shift == 0).all())
    weights = torch.rand_like(hard)
    nodes = torch.tensor([node for _, node in task.graph.edges])
    (found,) = torch.autograd.grad(
        (cell.weights * hard * weights).sum() + cell.shift.sum(), method.alpha["normal"]
    )
    method.task.noise.reseed("unseeded")
    expected_weights = hard * weights + (1 - hard) * float(idle)
    fresh = Gdas(method.config, dataclasses.replace(task, noise=Noise()))
    fresh.load_state_dict(method.state_dict())
    logits = fresh.alpha["normal"].log_softmax(-1)
    soft = ((logits + fresh.task.noise.gumbel(logits.detach())) / 0.7).softmax(-1)
    (expected,) = torch.autograd.grad((soft * expected_weights).sum(), fresh.alpha["normal"])
    assert len(nodes) == len(found)
    torch.testing.assert_close(found, expected)


def test_dirichlet_draws_and_divergence(task: Task) -> None:
    method = DrNas(DrNasConfig(), task)
    beta = torch.tensor([[0.5, 1.0, 2.0, 3.5, 1.5]])
    with torch.no_grad():
        draws = torch.cat([method._draw(beta) for _ in range(20_000)])
    law = torch.distributions.Dirichlet(beta[0])
    torch.testing.assert_close(draws.sum(-1), torch.ones(len(draws)))
    torch.testing.assert_close(draws.mean(0), law.mean, atol=0.006, rtol=0)
    torch.testing.assert_close(draws.var(0), law.variance, atol=0.003, rtol=0)
    with torch.no_grad():
        for alpha in method.alpha.values():
            alpha.zero_()
    assert method.divergence().item() == pytest.approx(0.0, abs=1e-5)


def test_pc_darts_edges_into_a_node_share_weight_one(task: Task) -> None:
    method = PcDarts(PcDartsConfig(), task)
    cell = method.mixture(1).cell(0, "reduce")
    assert cell.bypass is not None
    for node in range(task.graph.nodes):
        edges = list(task.graph.of_node(node))
        assert cell.bypass[edges].sum().item() == pytest.approx(1.0)
    torch.testing.assert_close(cell.weights.sum(-1), cell.bypass)


def test_pc_darts_leaves_alpha_alone_at_first() -> None:
    task = small_tasks.task(small_tasks.space(channels=4), epochs=10)
    method = PcDarts(PcDartsConfig(), task)
    supernet = Supernet(task.space, task.data.shape, 3, SupernetOptions(partial=4))
    architecture, weights = method.phases(supernet)
    on = []
    for epoch in range(1, 11):
        method.begin_epoch(epoch)
        on.append(architecture.enabled())
        assert weights.enabled()
    assert on == [False] * 3 + [True] * 7


def test_r_darts_returns_to_before_the_jump() -> None:
    config = RDartsConfig(window=5, first_epoch=3)
    flat = [1.0, 1.1, 0.9, 1.0, 1.05, 1.0, 0.95, 1.0, 1.1, 1.0]
    assert last_good_epoch(flat, config) is None
    jump = [*flat, 1.2, 1.6, 2.0]
    # averages around epochs 6 and 11: (1.05 + 1 + 0.95 + 1 + 1.1) / 5 and (1.1 + ... + 2) / 5
    assert sum(jump[8:13]) / sum(jump[3:8]) > 1.3
    assert last_good_epoch(jump, config) == 6
    assert last_good_epoch(jump, dataclasses.replace(config, factor=1.5)) is None
    assert last_good_epoch(jump, dataclasses.replace(config, first_epoch=7)) is None
    assert last_good_epoch([-1.0] * 8 + [3.0] * 5, config) is None  # no ratio of opposite signs


def test_bayesnas_laplace_update_in_numbers(task: Task) -> None:
    """gamma 1, H 3: C = 1/4, omega = sqrt(1 - 1/4); a switch of 2 gives gamma = 2 / omega."""
    method = BayesNas(BayesNasConfig(), task)
    switch = torch.full((len(task.graph.edges), 1), -2.0)
    method._laplace("edge", "normal", switch, torch.full_like(switch, 3.0))
    omega = math.sqrt(0.75)
    found = [method.state(n, "edge", "normal")[0].item() for n in ("covariance", "omega", "gamma")]
    assert found == pytest.approx([0.25, omega, 2 / omega])


def test_bayesnas_prunes_what_a_dead_edge_carries(task: Task) -> None:
    """An operation's gamma is at most its edge's: 1 / (1/gamma + 1/gamma_edge)."""
    method = BayesNas(BayesNasConfig(), task)
    with torch.no_grad():
        method.edge["normal"][0] = 1e-6
    gradients = torch.randn(30, len(task.graph.edges), len(task.space.operations))
    method._update("normal", torch.tensor(0.0), gradients)
    gamma, above = (method.state("gamma", g, "normal") for g in ("operation", "edge"))
    assert bool((gamma <= above).all())
    alive = method._alive()["normal"][:, list(task.candidates)]
    assert not alive[0].any() and bool(alive[1:].all())


@pytest.mark.parametrize(
    ("updates", "both"), [("paper", {3, 4, 5}), ("every_epoch", {1, 2, 3, 4, 5})]
)
def test_bayesnas_order_of_updates(updates: str, both: set[int]) -> None:
    """Weights alone in the first half, then weights and switches; gamma once, or every epoch."""
    arguments = small_tasks.search_arguments(
        BayesNas, BayesNasConfig(updates=updates, images=20), epochs=5, batch_size=20
    )
    prepared = prepare(arguments)
    assert prepared.trainer is not None
    method, after = prepared.method, prepared.trainer.hooks.after
    switches, moved, updated = [], [], []

    def state() -> tuple[list[float], list[float]]:
        assert isinstance(method, BayesNas)
        values = [p.detach().flatten() for p in method.parameters()]
        return torch.cat(values).tolist(), method.state("gamma", "edge", "normal").tolist()

    switches.append(state())

    def watch(epoch: int) -> dict[str, Any]:
        row = after(epoch)
        switches.append(state())
        moved.append(switches[-1][0] != switches[-2][0])
        updated.append(switches[-1][1] != switches[-2][1])
        return row

    prepared.trainer.hooks.after = watch
    history = prepared.trainer.run()
    assert {epoch for epoch, row in enumerate(moved, 1) if row} == both
    assert {epoch for epoch, row in enumerate(updated, 1) if row} == (
        {5} if updates == "paper" else both
    )
    for epoch, row in enumerate(history.epochs, 1):
        assert set(row["terms"]) == (
            {"joint.cross_entropy", "joint.ard"} if epoch in both else {"weights.cross_entropy"}
        )


@pytest.mark.parametrize("regulariser", ["l2", "kl"])
def test_drnas_has_one_regulariser_at_a_time(task: Task, regulariser: str) -> None:
    method = DrNas(DrNasConfig(regulariser=regulariser), task)  # type: ignore[arg-type]
    supernet = Supernet(task.space, task.data.shape, 3)
    architecture, weights = method.phases(supernet)
    (adam,) = architecture.optimisers
    batch = task.data.train.select(torch.arange(8))
    terms = set(architecture.objective({"architecture": batch}).terms)
    decay = adam.param_groups[0]["weight_decay"]
    expected = {"l2": ({"cross_entropy"}, 1e-3), "kl": ({"cross_entropy", "kl"}, 0.0)}
    assert (terms, decay) == expected[regulariser]
    assert set(weights.objective({"weights": batch}).terms) == {"cross_entropy"}


def test_r_darts_refuses_a_search_in_which_it_cannot_stop() -> None:
    """The bound is exact: with jumps everywhere the first stop is at `first_stop`."""
    for window in range(1, 7):
        for first_epoch in range(1, 13):
            config = RDartsConfig(window=window, first_epoch=first_epoch)
            rising = [2.0**epoch for epoch in range(40)]
            stops = [n for n in range(1, 41) if last_good_epoch(rising[:n], config) is not None]
            assert stops[0] == config.first_stop
    space, default = small_tasks.space(), RDartsConfig()
    assert default.first_stop == 17
    assert RDarts.find_problem(default, space, SearchConfig(epochs=17)) is None
    problem = RDarts.find_problem(default, space, SearchConfig(epochs=16))
    assert problem is not None and "16 epochs" in problem and problem.endswith("17")


def test_fisher_gradients_sum_to_the_gradient_of_shared_weights(task: Task) -> None:
    torch.manual_seed(0)
    supernet = Supernet(task.space, task.data.shape, 3).double()
    mixture = BayesNas(BayesNasConfig(), task).double().mixture(1)
    batch = task.data.train.select(torch.arange(12))
    batch = batch._replace(images=batch.images.double())
    noise, again = Noise(), Noise()
    found = mixture_fisher(supernet, mixture, batch, 12, noise)
    for cell in mixture.cells.values():
        cell.weights.retain_grad()
    logits = supernet(batch.images, mixture)
    drawn = (logits + again.gumbel(logits)).argmax(-1)
    F.cross_entropy(logits, drawn, reduction="sum").backward()
    for key, (_, gradients) in found.items():
        assert gradients.shape[0] == 12
        torch.testing.assert_close(gradients.sum(0), mixture.cells[key].weights.grad)


@pytest.mark.parametrize(
    ("epochs", "candidates", "each", "count"), [(50, 8, 6, 8), (3, 8, 1, 3), (16, 8, 2, 8)]
)
def test_random_search_spends_what_a_search_costs(
    epochs: int, candidates: int, each: int, count: int
) -> None:
    task = small_tasks.task(epochs=epochs)
    method = RandomSearch(RandomSearchConfig(candidates=candidates), task)
    assert (method.short_epochs, len(method.drawn)) == (each, count)
    assert count * each <= epochs
    fair = RandomSearch(RandomSearchConfig(candidates=candidates, cost="operations"), task)
    # five edges of four operations against four of one
    assert len(fair.drawn) == count * 5 * 4 // 4
