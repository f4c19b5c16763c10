"""PGNAS: the Concrete relaxation and its limit, hard draws, and the regulariser."""

from __future__ import annotations

import math

import pytest
import torch
from support.small_tasks import task
from torch import Tensor

from bench.space.options import SupernetOptions
from bench.space.supernet import Supernet
from methods.guided.granularity import OperationMasks, SinglePaths
from methods.pgnas import Pgnas, PgnasConfig

KEEP = torch.tensor([0.05, 0.3, 0.5, 0.9, 0.99])
DRAWS = 40_000


def draws(temperature: float) -> Tensor:
    masks = OperationMasks(task(), temperature)
    return masks.relax(-KEEP.logit().expand(DRAWS, -1))


def test_the_limit_is_bernoulli() -> None:
    """Temperature to 0: eps is 0 or 1, and 1 with the keep probability."""
    eps = draws(1e-3)
    assert ((eps < 1e-3) | (eps > 1 - 1e-3)).double().mean() > 0.99
    error = (eps.round().mean(0) - KEEP) / (KEEP * (1 - KEEP) / DRAWS).sqrt()
    assert error.abs().max() < 4.5
    assert (eps.mean(0) - KEEP).abs().max() < 0.01


@pytest.mark.parametrize("temperature", [0.05, 0.2, 1.0, 3.0])
def test_more_than_one_half_with_the_keep_probability_at_any_temperature(
    temperature: float,
) -> None:
    error = ((draws(temperature) > 0.5).float().mean(0) - KEEP) / (KEEP * (1 - KEEP) / DRAWS).sqrt()
    assert error.abs().max() < 4.5


def test_at_temperature_1_the_law_has_a_known_distribution_function() -> None:
    """P(eps <= x) = P(logit(u) <= logit(x) - logit(keep)) = sigmoid(logit(x) - logit(keep))."""
    eps = draws(1.0)
    for x in (0.1, 0.4, 0.8):
        expected = (torch.tensor(x).logit() - KEEP.logit()).sigmoid()
        error = ((eps <= x).float().mean(0) - expected).abs()
        assert (error / (expected * (1 - expected) / DRAWS).sqrt()).max() < 4.5


def test_without_noise_it_is_the_mean() -> None:
    method, _ = with_supernet(noise=False)
    for kind, cell in method.mixture(3).cells.items():
        assert torch.allclose(cell.weights, method.keep()[kind].expand(3, -1, -1), atol=1e-6)


def test_the_mean_approaches_keep_as_the_temperature_falls() -> None:
    distances = [float((draws(t).mean(0) - KEEP).abs().max()) for t in (3.0, 0.5, 0.1)]
    assert distances[0] > distances[1] > distances[2]


def test_hard_draws_have_the_keep_probabilities_and_uniform_ones_the_same_expected_size() -> None:
    method, _ = with_supernet()
    with torch.no_grad():
        for logit in method.logit.values():
            logit.normal_(0, 2)
    keep = method.keep()
    count = 3000
    guided, uniform = method.draw_candidates(count, False), method.draw_candidates(count, True)
    average = torch.cat([k[:, 1:].flatten() for k in keep.values()]).mean()
    for kind, p in keep.items():
        for found, expected in ((guided, p), (uniform, average.expand_as(p))):
            frequency = torch.stack([c.kept[kind] for c in found]).float().mean(0)
            assert not frequency[:, 0].any(), "`none` is never drawn"
            error = (frequency - expected)[:, 1:].abs()
            scatter = (expected * (1 - expected) / count).sqrt()[:, 1:] + 1e-4
            assert (error / scatter).max() < 4.5
    sizes = [torch.tensor([c.size for c in found]).double() for found in (guided, uniform)]
    expected = float(average) * len(keep) * keep["normal"][:, 1:].numel()
    for size in sizes:
        assert abs(size.mean() - expected) < 5 * size.std() / count**0.5
    assert sizes[0].std() < sizes[1].std(), "the guided sample has the smaller spread"


def with_supernet(**options: object) -> tuple[Pgnas, Supernet]:
    t = task()
    method = Pgnas(PgnasConfig(**options), t)  # type: ignore[arg-type]
    torch.manual_seed(0)
    supernet = Supernet(t.space, (1, 8, 8), 3, SupernetOptions(normalise_operations=True))
    method.attach(supernet)
    with torch.no_grad():
        for logit in method.logit.values():
            logit.normal_()
    return method, supernet


def test_the_plain_objective_is_the_papers() -> None:
    """1/N sum of l^2 (1 - p) / 2 |m|^2 + K (p log p + (1 - p) log(1 - p)), group by group."""
    method, supernet = with_supernet(objective="paper", l2=30.0, examples_factor=10.0)
    t = method.task
    total = 0.0
    for kind in t.kinds:
        positions = [p.index for p in t.positions if p.kind == kind]
        for edge in range(len(t.graph.edges)):
            for column, operation in enumerate(t.space.operations[1:]):
                p = method.logit[kind][edge, column].sigmoid().item()
                norm, slices = 0.0, 0
                for position in positions:
                    slices += supernet.slices(position)[operation]
                    for stage in supernet.fused_cells()[position].fused_stages():
                        if edge not in stage.graph.edges or operation not in stage.operations:
                            continue
                        local = stage.graph.edges.index(edge)
                        for weight in stage.operations[operation].parameters():
                            block = weight.unflatten(0, (len(stage.graph.edges), -1))[local]
                            norm += block.square().sum().item()
                entropy = p * torch.tensor(p).log() + (1 - p) * torch.tensor(1 - p).log()
                total += 30.0 * (1 - p) / 2 * norm + slices * float(entropy)
    found = sum(term.item() for term in method.penalty().values())
    assert found == pytest.approx(total / (10.0 * t.train_images), rel=1e-4)


def test_the_equal_objective_costs_the_same_for_every_operation() -> None:
    method, _ = with_supernet(objective="equal", norm_scale=1.0, entropy_scale=1.0)
    with torch.no_grad():
        for logit in method.logit.values():
            logit.fill_(-1.0)
    torch.stack(list(method.penalty().values())).sum().backward()
    gradients = torch.cat([p.grad.flatten() for p in method.logit.values()])
    assert torch.allclose(gradients, gradients[:1].expand_as(gradients), rtol=1e-5)
    assert gradients[0] != 0


@pytest.mark.parametrize("given", ["norm_scale", "entropy_scale"])
def test_norm_and_entropy_have_scales_of_their_own(given: str) -> None:
    """Each scale multiplies its own term alone; 0 leaves that term out."""
    other = {"norm_scale": "entropy_scale", "entropy_scale": "norm_scale"}[given]
    mine, yours = given.removesuffix("_scale"), other.removesuffix("_scale")
    once, _ = with_supernet(**{given: 1.0, other: 0.0})
    thrice, _ = with_supernet(**{given: 3.0, other: 0.0})
    thrice.load_state_dict({**once.state_dict(), f"regulariser.{given}": torch.tensor(3.0)})
    assert once.penalty()[yours].item() == 0
    assert thrice.penalty()[mine].item() == pytest.approx(3 * once.penalty()[mine].item())
    assert once.penalty()[mine].item() != 0


def test_what_an_operation_is_worth_decides_how_often_it_is_kept() -> None:
    """Where data pay g nats for keeping it, 1 - p ends at sigmoid((g - price) / entropy_scale).

    At the default prices, in units of an edge's worth: 3 % at g = 0, 50 % at 0.5, 97 % at 1.
    """
    method, _ = with_supernet()
    method.regulariser.set_prices(1.0, method.supernet)
    keep = {"normal": (0.0, 1 / 33), "reduce": (1.0, 32 / 33)}  # g, expected
    for kind, (_, expected) in keep.items():
        with torch.no_grad():
            method.logit[kind].fill_(-torch.tensor(expected).logit().item())
    gain = sum(g * method.keep_probabilities()[kind].sum() for kind, (g, _) in keep.items())
    (torch.stack(list(method.penalty().values())).sum() - gain).backward()
    for logit in method.logit.values():
        assert logit.grad is not None and logit.grad.abs().max() < 1e-5


def test_entropy_of_the_posterior_by_hand() -> None:
    method, _ = with_supernet()
    with torch.no_grad():
        for logit in method.logit.values():
            logit.copy_(torch.tensor([0.0, 0.0, 60.0, -60.0]).expand_as(logit))
    mean, maximum = method.entropy()
    assert maximum == pytest.approx(math.log(2)) and mean == pytest.approx(maximum / 2)


def test_single_paths_are_the_posterior_given_that_one_eps_of_the_edge_is_1() -> None:
    """P(o) in proportion to the odds of keeping o, of relaxed draws and of candidates."""
    method, _ = with_supernet(granularity="single_path")
    assert isinstance(method.masks, SinglePaths)
    odds = torch.tensor([0.2, 0.5, 1.0, 4.0])
    with torch.no_grad():
        for logit in method.logit.values():
            logit.copy_(-odds.log().expand_as(logit))
    expected = odds / odds.sum()
    weights = method.mixture(DRAWS).cells["normal"].weights[..., 1:]
    assert torch.allclose(weights.sum(-1), torch.ones(()), atol=1e-5)
    assert ((weights - weights.round()).abs() < 1e-5).all(), "one-hot"
    error = (weights.round().mean((0, 1)) - expected) / (expected / DRAWS).sqrt()
    assert error.abs().max() < 4.5
    weights.square().sum().backward()
    assert method.logit["normal"].grad is not None and method.logit["normal"].grad.abs().max() > 0
    kept = torch.stack([one.kept["reduce"] for one in method.draw_candidates(2000, uniform=False)])
    assert (kept.sum(-1) == 1).all() and not kept[..., 0].any()
    assert (kept.float().mean((0, 1))[1:] - expected).abs().max() < 0.02
    uniform = torch.stack(
        [one.kept["reduce"] for one in method.draw_candidates(2000, uniform=True)]
    )
    assert (uniform.float().mean((0, 1))[1:] - 0.25).abs().max() < 0.02
    mean, maximum = method.entropy()
    assert maximum == pytest.approx(math.log(4))
    assert mean == pytest.approx(float(-(expected * expected.log()).sum()), rel=1e-5)
