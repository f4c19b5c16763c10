"""Gaussian weights in a search: what their KL costs, and that each control is single."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from support import small_tasks
from torch import Tensor

from bench.space.config import SpaceConfig
from bench.space.nas_bench_201.config import NasBench201Config
from bench.training.search import build, search
from methods.variational.gaussian import gaussians
from methods.variational.priors import kl_divergence
from methods.variational.search import KL_OF_AN_OPERATION, mean_kl
from methods.vinnas import Vinnas, VinnasConfig


def searched(config: SpaceConfig | None = None, **options: Any) -> tuple[Vinnas, Any]:
    method, supernet = build(small_tasks.search_arguments(Vinnas, VinnasConfig(**options), config))
    assert isinstance(method, Vinnas)
    return method, supernet


def test_an_operation_costs_the_mean_of_its_weights() -> None:
    """By hand, operation by operation and edge by edge, over the positions of a cell type."""
    _, supernet = searched(variational_weights=True)
    for layer in gaussians(supernet):
        torch.nn.init.normal_(layer.mean)
    groups: dict[object, list[Tensor]] = {}
    inside = set()
    for cell, position in zip(supernet.fused_cells(), supernet.positions, strict=True):
        for stage in cell.fused_stages():
            for name, operation in stage.operations.items():
                for layer in gaussians(operation):
                    inside.add(id(layer))
                    blocks = layer.mean.unflatten(0, (len(stage.graph.edges), -1))
                    scales = layer.log_variance.unflatten(0, (len(stage.graph.edges), -1))
                    for edge, mean, scale in zip(stage.graph.edges, blocks, scales, strict=True):
                        kl = [kl_divergence(m, s) for m, s in zip(mean, scale, strict=True)]
                        each = torch.stack(kl).sum()
                        key = position.kind, edge, name
                        groups.setdefault(key, []).append(
                            torch.stack([each, each * 0 + mean.numel()])
                        )
    expected = 0.0
    for parts in groups.values():
        kl, number = torch.stack(parts).sum(0)
        expected += (kl / number).item()
    for layer in gaussians(supernet):
        if id(layer) not in inside:
            expected += layer.kl("ard").item() / layer.mean.numel()
    assert mean_kl(supernet, "ard").item() == pytest.approx(expected, rel=1e-5)


def test_a_3x3_convolution_is_not_taxed_nine_times_a_1x1() -> None:
    """With the same weights everywhere every operation pays the same price."""
    _, supernet = searched(NasBench201Config(cells=1, channels=4), variational_weights=True)
    parts = {}
    for layer in gaussians(supernet):
        torch.nn.init.constant_(layer.mean, 0.1)
    mean_kl(supernet, "ard").backward()
    for name in ("nor_conv_1x1", "nor_conv_3x3"):
        parts[name] = sum(
            layer.log_variance.grad.sum().item()
            for cell in supernet.fused_cells()
            for stage in cell.fused_stages()
            for layer in gaussians(stage.operations[name])
        )
    assert parts["nor_conv_3x3"] == pytest.approx(parts["nor_conv_1x1"], rel=1e-4)


def test_priced_weights_cost_their_share_of_an_edges_worth() -> None:
    method, supernet = searched(variational_weights=True, weight_price=0.2, warm_up=0.5)
    method.set_weight_price(0.6)
    assert method.lambda_w.item() * KL_OF_AN_OPERATION == pytest.approx(0.2 * 0.6)
    method.begin_epoch(2)
    expected = method.lambda_w.item() * mean_kl(supernet, "ard").item()
    assert method.penalty()["kl_w"].item() == pytest.approx(expected)
    kl = mean_kl(supernet, "ard").item() / (2 * 5 * 2 + len(gaussians(supernet)))
    assert 0 < kl < 2 * KL_OF_AN_OPERATION


CONTROLS: dict[str, dict[str, Any]] = {
    "z_noise": {"z_noise": False},
    "w_noise": {"w_noise": False},
    "kl_z": {"kl_z": False},
    "kl_w": {"kl_w": False},
}


@pytest.mark.parametrize("name", CONTROLS)
def test_each_control_turns_off_its_own_part_alone(name: str) -> None:
    method, supernet = searched(variational_weights=True, lambda_z=0.1, **CONTROLS[name])
    method.begin_epoch(2)
    images, _ = method.task.data.train.select(torch.arange(8))
    terms = method.penalty()
    assert set(terms) == {"kl_z", "kl_w"} - {name}
    draws = [method.mixture(8).cells["normal"].weights for _ in range(2)]
    assert torch.equal(*draws) == (name == "z_noise")
    mixture = method.mixture(8)
    assert torch.equal(supernet(images, mixture), supernet(images, mixture)) == (name == "w_noise")


def test_with_everything_off_it_is_a_deterministic_search(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No draw at all, no penalty; Gaussian weights then are the plain weights."""
    method, supernet = searched(z_noise=False, kl_z=False)
    assert not gaussians(supernet) and method.penalty() == {}

    def forbidden(law: str, like: Tensor) -> Tensor:
        raise AssertionError("a deterministic search draws nothing")

    images, _ = method.task.data.train.select(torch.arange(8))
    monkeypatch.setattr(method.task.noise, "_draw", forbidden)
    supernet(images, method.mixture(8))
    off = {"z_noise": False, "kl_z": False}
    both = []
    for options in (off, {**off, "variational_weights": True, "w_noise": False, "kl_w": False}):
        outcome = search(small_tasks.search_arguments(Vinnas, VinnasConfig(**options)))
        losses = [sum(epoch["terms"].values()) for epoch in outcome.history.epochs]
        both.append((outcome.selection.genotype, losses))
    assert both[0][0] == both[1][0]
    assert both[0][1] == pytest.approx(both[1][1], rel=1e-4)
