"""The second-order DARTS gradient against autograd through the virtual step, in float64."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import pytest
import torch
from support.small_tasks import search_arguments, space, task
from torch import Tensor, nn
from torch.func import functional_call

from bench.data.augmentation import Augmentation
from bench.data.splits import Batch
from bench.method import Objective
from bench.space.supernet import Supernet
from bench.training.search import build
from bench.training.trainer import Trainer, TrainerOptions
from methods.darts import Darts, DartsConfig
from methods.unrolled import unrolled_gradient

RATE, MOMENTUM, DECAY = 0.1, 0.9, 0.03


class Bilinear(nn.Module):
    """Two layers mixed by a softmax: smooth, so that derivatives are exact to rounding."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(3, 4)
        self.second = nn.Linear(3, 4)
        self.out = nn.Linear(4, 2)
        self.unused = nn.Linear(2, 2)

    def forward(self, x: Tensor, alpha: Tensor) -> Tensor:
        z = alpha.softmax(-1)
        return self.out(torch.tanh(z[0] * self.first(x) + z[1] * torch.sin(self.second(x))))


Loss = Callable[[Callable[..., Tensor], Any], Tensor]


def with_weights(network: nn.Module, weights: list[Tensor]) -> Callable[..., Tensor]:
    """The network as a function, with other weights."""
    names = [name for name, _ in network.named_parameters()]
    named = dict(zip(names, weights, strict=True))
    return lambda *arguments: functional_call(network, named, arguments)


def virtual_step(
    network: nn.Module, loss: Loss, data: object, buffers: list[Tensor]
) -> tuple[list[Tensor], list[Tensor]]:
    """w and w' = w - xi (momentum v + grad L_train + decay w), still a function of the alphas."""
    weights = [p.detach().clone().requires_grad_() for p in network.parameters()]
    inner = loss(with_weights(network, weights), data)
    gradients = torch.autograd.grad(inner, weights, create_graph=True, allow_unused=True)
    stepped = [
        w - RATE * (MOMENTUM * v + (0 if g is None else g) + DECAY * w)
        for w, g, v in zip(weights, gradients, buffers, strict=True)
    ]
    return weights, stepped


class Objective64(Objective):
    """An objective whose total keeps float64."""

    def __init__(self, value: Tensor) -> None:
        super().__init__({"loss": value})

    def total(self) -> Tensor:
        return self.terms["loss"]


@pytest.mark.parametrize("warm", [False, True], ids=["first step", "with momentum"])
def test_against_autograd(warm: bool) -> None:
    torch.manual_seed(0)
    network = Bilinear().double()
    alpha = nn.Parameter(torch.randn(2, dtype=torch.float64))
    train, validation = (
        (torch.randn(8, 3, dtype=torch.float64), torch.randint(2, (8,))) for _ in range(2)
    )

    def loss(call, data) -> Tensor:
        return nn.functional.cross_entropy(call(data[0], alpha), data[1])

    def objective(data):
        return lambda: Objective64(loss(network, data))

    sgd = torch.optim.SGD(network.parameters(), RATE, MOMENTUM, weight_decay=DECAY)
    if warm:
        for _ in range(3):
            sgd.zero_grad()
            loss(network, train).backward()
            sgd.step()
    state = [sgd.state[p].get("momentum_buffer") for p in network.parameters()]
    assert any(v is not None for v in state) == warm
    buffers = [
        torch.zeros_like(p) if v is None else v.clone()
        for p, v in zip(network.parameters(), state, strict=True)
    ]
    weights = list(network.parameters())
    before = [w.detach().clone() for w in weights]
    outcome = unrolled_gradient([alpha], weights, sgd, objective(train), objective(validation))
    assert alpha.grad is not None
    found = alpha.grad.clone()
    for weight, kept in zip(weights, before, strict=True):
        assert torch.equal(weight, kept), "weights are the same afterwards, bit by bit"
    for weight, v in zip(network.parameters(), state, strict=True):
        assert sgd.state[weight].get("momentum_buffer") is v
    _, stepped = virtual_step(network, loss, train, buffers)
    unrolled = loss(with_weights(network, stepped), validation)
    assert outcome.total().item() == pytest.approx(unrolled.item(), rel=1e-12)
    (expected,) = torch.autograd.grad(unrolled, alpha)
    assert torch.allclose(found, expected, rtol=1e-4, atol=0)

    # the second-order term is far above that error, so the agreement says something of it
    _, stepped = virtual_step(network, loss, train, buffers)
    fixed = loss(with_weights(network, [w.detach() for w in stepped]), validation)
    (first_term,) = torch.autograd.grad(fixed, alpha)
    assert (found - first_term).norm() > 50 * (found - expected).norm()


def test_through_the_phase_of_darts_on_a_super_network() -> None:
    """Equation 8 with R = 0.01 / norm, spelt out: ReLUs keep a network so small from its limit."""
    torch.manual_seed(0)
    t = task(space(nodes=1, cells=2, channels=2))
    config = DartsConfig(
        order=2, learning_rate=RATE, learning_rate_min=0.0, weight_decay=DECAY, momentum=MOMENTUM
    )
    method = Darts(config, t).double()
    with torch.no_grad():
        for alpha in method.alpha.values():
            alpha.normal_()
    supernet = Supernet(t.space, (1, 6, 6), 3).double()

    def loss(call: Callable[..., Tensor], batch: Batch) -> Tensor:
        return nn.functional.cross_entropy(call(batch.images, method.mixture(4)), batch.labels)

    method.objective = lambda net, batch: Objective64(loss(net, batch))  # type: ignore
    batches = {
        name: Batch(torch.randn(4, 1, 6, 6, dtype=torch.float64), torch.randint(3, (4,)))
        for name in ("weights", "architecture")
    }
    phase = method.phases(supernet)[0]
    assert phase.backward is not None
    before = [w.detach().clone() for w in supernet.parameters()]
    phase.backward(batches)
    for weight, kept in zip(supernet.parameters(), before, strict=True):
        assert torch.equal(weight, kept)

    alphas, buffers = list(method.alpha.values()), [torch.zeros_like(w) for w in before]
    _, stepped = virtual_step(supernet, loss, batches["weights"], buffers)
    stepped = [w.detach().requires_grad_() for w in stepped]
    outer = loss(with_weights(supernet, stepped), batches["architecture"])
    first = torch.autograd.grad(outer, alphas, retain_graph=True)
    direction = torch.autograd.grad(outer, stepped)
    radius = 0.01 / torch.cat([d.flatten() for d in direction]).norm()
    sides = []
    for sign in (1, -1):
        moved = [w + sign * radius * d for w, d in zip(before, direction, strict=True)]
        inner = loss(with_weights(supernet, moved), batches["weights"])
        sides.append(torch.autograd.grad(inner, alphas))
    for alpha, direct, plus, minus in zip(alphas, first, *sides, strict=True):
        expected = direct - RATE * (plus - minus) / (2 * radius)
        assert (alpha.grad - expected).norm() < 1e-4 * expected.norm()
        assert (alpha.grad - direct).norm() > 0.01 * expected.norm()


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_trainer_gives_it_its_precision(precision: Literal["float32", "bfloat16"]) -> None:
    """Virtual step and validation gradient as the options say, the differences in float32."""
    t = task(space(nodes=1, cells=2, channels=2))
    method, supernet = build(
        search_arguments(Darts, DartsConfig(order=2), t.space, epochs=1, precision=precision)
    )
    used: list[torch.dtype] = []
    supernet.classifier.register_forward_hook(lambda *call: used.append(call[-1].dtype))
    options = TrainerOptions(1, 4, Augmentation(), precision, True, seed=0)
    phases = method.phases(supernet)
    trainer = Trainer(phases, t.data.part, {"all": supernet}, options, supernet.noise)
    trainer.step({part: next(t.data.part(part).epoch(4, 0, 1)) for part in trainer.splits})
    low = torch.bfloat16 if precision == "bfloat16" else torch.float32
    assert used == [low, low, torch.float32, torch.float32, low]  # the last one is of the weights


def test_bfloat16_sees_the_virtual_step() -> None:
    """Weights that autocast has cast before the step must not be those of the loss after it."""
    torch.manual_seed(0)
    layer = nn.Linear(3, 2, bias=False)
    alpha = nn.Parameter(torch.ones(()))
    x = torch.randn(8, 3)

    def objective() -> Objective:
        return Objective({"loss": (alpha * layer(x)).square().mean()})

    sgd = torch.optim.SGD(layer.parameters(), 0.3)
    before = objective().total().item()
    with torch.autocast("cpu", torch.bfloat16, cache_enabled=False):
        outcome = unrolled_gradient([alpha], list(layer.parameters()), sgd, objective, objective)
    assert outcome.total().item() < 0.9 * before
