"""The worth of an edge on super-networks whose losses are known."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from support.small_tasks import OPERATIONS, data, space, task

from bench.data.splits import Batch
from bench.space.mixture import CellMixture, Mixture
from bench.space.options import SupernetOptions
from bench.space.supernet import Supernet
from methods.pgnas import Pgnas, PgnasConfig
from methods.price import worth_of_an_edge
from methods.vinnas import KL_OF_AN_OPERATION, Vinnas, VinnasConfig


def supernet(nodes: int = 2) -> Supernet:
    torch.manual_seed(0)
    return Supernet(space(nodes=nodes), (1, 8, 8), 3)


def batch() -> Batch:
    split = data().train
    return split.select(torch.arange(24))


def mixture(network: Supernet, value: float) -> Mixture:
    shape = (len(network.graph.edges), len(OPERATIONS))
    return Mixture({kind: CellMixture(torch.full(shape, value)) for kind in ("normal", "reduce")})


def test_by_hand() -> None:
    """An emptied network sees nothing: its logits are the classifier's bias."""
    network, (images, labels) = supernet(), batch()
    with torch.no_grad():
        network.classifier.weight.mul_(20)
        full = F.cross_entropy(network(images, mixture(network, 0.5)), labels)
        empty = F.cross_entropy(network.classifier.bias.expand(len(labels), -1), labels)
        if full > empty:  # the random classifier is worse than nothing: its opposite is better
            network.classifier.weight.neg_()
            full = F.cross_entropy(network(images, mixture(network, 0.5)), labels)
    found = worth_of_an_edge(network, mixture(network, 0.5), [Batch(images, labels)])
    edges = 2 * 5  # of two cell types
    assert found == pytest.approx(max(0.0, (empty - full).item()) / edges, rel=1e-5, abs=1e-7)


def test_a_perfect_network_is_worth_the_entropy_of_the_labels() -> None:
    """Loss full ~ 0, loss emptied = log 3: log 3 / edges, averaged over batches."""
    network = supernet()
    images, _ = batch()
    with torch.no_grad():
        network.classifier.weight.mul_(1e4)
        network.classifier.bias.zero_()
        logits = network(images, mixture(network, 1.0))
    labels = logits.argmax(-1)
    exact = Batch(images, labels)
    for batches in ([exact], [exact, exact]):
        found = worth_of_an_edge(network, mixture(network, 1.0), batches)
        assert found == pytest.approx(math.log(3) / 10, rel=1e-2)


def test_a_network_worse_than_nothing_is_worth_nothing() -> None:
    network = supernet()
    images, _ = batch()
    with torch.no_grad():
        network.classifier.weight.mul_(1e3)
        network.classifier.bias.zero_()
        wrong = network(images, mixture(network, 1.0)).argmin(-1)
    assert worth_of_an_edge(network, mixture(network, 1.0), [Batch(images, wrong)]) == 0.0


def test_the_rule_sets_the_weights_of_both_methods_priors() -> None:
    """Share of the worth = lambda_z * 3 nats; = norm_scale * mean cost, = entropy_scale * ln 2."""
    t = task(epochs=4)
    for method in (Vinnas(VinnasConfig(price=0.4), t), Pgnas(PgnasConfig(price=0.4), t)):
        torch.manual_seed(0)
        options = SupernetOptions(method.layers(), True, noise=t.noise)
        network = Supernet(t.space, (1, 8, 8), 3, options)
        method.attach(network)
        with torch.no_grad():
            network.classifier.weight.mul_(20)
        method.begin_epoch(1)
        report = method.end_epoch(1, network, t.data.train)
        method.eval()
        positions = torch.arange(len(t.data.train))
        worth = worth_of_an_edge(network, method.mixture(1), [t.data.train.select(positions)])
        assert report["worth_of_an_edge"] == pytest.approx(worth)
        if isinstance(method, Vinnas):
            assert report["lambda_z"] * KL_OF_AN_OPERATION == pytest.approx(0.4 * worth)
        else:
            tables = method.regulariser.costs(t, network)[0].values()
            costs = torch.cat([cost.detach().flatten() for cost in tables])
            price = method.config.l2 / 2 * costs.mean().item()
            assert report["norm_scale"] * price == pytest.approx(0.4 * worth)
            assert report["entropy_scale"] * math.log(2) == pytest.approx(0.1 * worth)
        # from the middle of the search on it stays
        before = {name: value.clone() for name, value in method.named_buffers()}
        with torch.no_grad():
            network.classifier.weight.mul_(3)
        method.begin_epoch(4)
        assert "worth_of_an_edge" not in method.end_epoch(4, network, t.data.train)
        assert all(torch.equal(before[name], value) for name, value in method.named_buffers())
