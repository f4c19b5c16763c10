"""Noise estimators of variational layers: their moments, in closed form and by Monte Carlo."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from bench.noise import Noise
from bench.space.building import build_network, build_supernet
from bench.space.config import SpaceConfig
from bench.space.cpu.depthwise import from_phases, to_phases
from bench.space.genotype import Genotype
from bench.space.options import NetworkOptions, SupernetOptions
from methods.variational.layers import GaussianLayer, VariationalConvolution, VariationalLayers

ESTIMATORS = ["lrt", "lrt_fused", "weight", "flipout", "mixed"]
DRAWS = 4000
SAMPLES = 10_000
BLOCKS = 2

GEOMETRY: dict[str, dict] = {
    "dense": {"kernel": 3},
    "pointwise": {"kernel": 1, "blocks": BLOCKS},
    "strided": {"kernel": 3, "stride": 2, "blocks": BLOCKS},
    "depthwise": {"kernel": 3, "blocks": BLOCKS, "depthwise": True},
    "depthwise_5": {"kernel": 5, "blocks": BLOCKS, "depthwise": True},
    "dilated": {"kernel": 3, "dilation": 2, "blocks": BLOCKS, "depthwise": True},
    "inner": {"kernel": 1, "blocks": BLOCKS, "inner": True},
    "dilated_strided": {
        "kernel": 5,
        "dilation": 2,
        "stride": 2,
        "blocks": BLOCKS,
        "depthwise": True,
    },
}


class Orderly(Noise):
    """Draws that depend on the shape alone, not on the memory layout."""

    def normal(self, like: Tensor) -> Tensor:
        generator = self.generator(like.device)
        return torch.randn(like.shape, generator=generator, dtype=like.dtype)


def spread(layer: GaussianLayer) -> None:
    """Different variances for all weights, of the size of the means."""
    torch.manual_seed(1)
    with torch.no_grad():
        layer.log_variance.copy_(-3 + torch.randn_like(layer.log_variance))
    layer.double()


def convolution(kind: str, estimator, noise: Noise | None = None) -> VariationalConvolution:
    torch.manual_seed(0)
    options = dict(GEOMETRY[kind])
    layers = VariationalLayers(noise or Noise(), estimator)
    layer = layers.convolution(2, 2, options.pop("kernel"), **options)
    assert isinstance(layer, VariationalConvolution)
    spread(layer)
    return layer


def image(layer: VariationalConvolution, channels_last: bool = False) -> Tensor:
    torch.manual_seed(2)
    x = torch.randn(2, 2 * layer.blocks, 6, 6, dtype=torch.float64)
    return x.contiguous(memory_format=torch.channels_last) if channels_last else x


def closed_form(layer: VariationalConvolution, x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and variance of every output element, through plain `conv2d`."""
    groups = x.shape[1] // layer.weight.shape[1]
    geometry = (None, layer.stride, layer.padding, layer.dilation, groups)
    mean, variance = layer.weight.detach(), layer.log_variance.detach().exp()
    return F.conv2d(x, mean, *geometry), F.conv2d(x.square(), variance, *geometry)


def assert_moments(draw: Callable[[], Tensor], mean: Tensor, variance: Tensor) -> None:
    """Sample mean and variance within 5.5 of their standard errors."""
    total, squares = torch.zeros_like(mean), torch.zeros_like(mean)
    fourth = torch.zeros_like(mean)
    with torch.no_grad():
        for _ in range(DRAWS):
            deviation = draw() - mean
            total += deviation
            squares += deviation.square()
            fourth += deviation.square().square()
    error = total / DRAWS / (variance / DRAWS).sqrt()
    assert error.abs().max() < 5.5
    assert abs((squares / DRAWS / variance).mean() - 1) < 0.05
    # flipout's and plain Gaussian outputs have a kurtosis of 3
    scatter = ((fourth / DRAWS - variance.square()).clamp_min(0) / DRAWS).sqrt()
    assert ((squares / DRAWS - variance).abs() / scatter).max() < 6


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("kind", list(GEOMETRY))
def test_moments_of_convolutions(kind: str, estimator: str) -> None:
    layer = convolution(kind, estimator)
    x = image(layer)
    mean, variance = closed_form(layer, x)
    assert_moments(lambda: layer(x), mean, variance)
    layer.eval()
    assert torch.allclose(layer(x), mean)


@pytest.fixture(scope="module")
def sampled() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Mean and variance of a plain convolution's output over 10,000 weights, and their errors."""
    layer = convolution("strided", "weight")
    x = image(layer)
    generator = torch.Generator().manual_seed(0)
    deviation = (0.5 * layer.log_variance.detach()).exp()
    outputs = []
    for _ in range(SAMPLES):
        eps = torch.randn(deviation.shape, generator=generator, dtype=deviation.dtype)
        weight = layer.weight.detach() + deviation * eps
        outputs.append(F.conv2d(x, weight, None, layer.stride, layer.padding, 1, BLOCKS))
    return moments(torch.stack(outputs))


def moments(draws: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """[draws, ...] -> mean, variance and the squares of their standard errors, element by element.

    The variance of a sample variance is (fourth central moment - variance^2) / n.
    """
    mean, variance = draws.mean(0), draws.var(0)
    fourth = (draws - mean).pow(4).mean(0)
    return mean, variance, variance / len(draws), (fourth - variance.square()) / len(draws)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_moments_against_sampled_weights(
    estimator: str, sampled: tuple[Tensor, Tensor, Tensor, Tensor]
) -> None:
    """Without any formula: 10,000 outputs of the layer against 10,000 weights of its law."""
    layer = convolution("strided", estimator)
    x = image(layer)
    with torch.no_grad():
        found = moments(torch.stack([layer(x) for _ in range(SAMPLES)]))
    for number in (0, 1):
        difference = found[number] - sampled[number]
        error = (found[number + 2] + sampled[number + 2]).sqrt()
        assert (difference / error).abs().max() < 5.5
    assert (found[1] / sampled[1]).mean().item() == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_moments_in_phases(estimator: str) -> None:
    """A dilated convolution run on the phases of the pixel grid has the same law."""
    layer = convolution("dilated", estimator)
    x = image(layer, channels_last=True)
    mean, variance = closed_form(layer, x)
    phases = to_phases(x)
    assert_moments(lambda: from_phases(layer(phases, in_phases=True)), mean, variance)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_moments_of_chosen_blocks_under_a_mask(estimator: str) -> None:
    layer = convolution("pointwise", estimator)
    x = image(layer)[:, 2:]
    torch.manual_seed(3)
    mask = torch.rand(2, 1, 2, dtype=torch.float64)
    masked = x * mask.flatten(1)[:, :, None, None]
    mean = F.conv2d(masked, layer.weight[2:].detach())
    variance = F.conv2d(masked.square(), layer.log_variance[2:].detach().exp())
    assert_moments(lambda: layer(x, (1,), mask), mean, variance)
    assert_moments(
        lambda: layer(x, (1,), mask[0]),
        *(
            F.conv2d(v, w)
            for v, w in (
                (x * mask[0, 0][:, None, None], layer.weight[2:].detach()),
                ((x * mask[0, 0][:, None, None]).square(), layer.log_variance[2:].detach().exp()),
            )
        ),
    )


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_moments_of_linear_layers(estimator) -> None:
    torch.manual_seed(0)
    layer = VariationalLayers(Noise(), estimator).linear(5, 3)
    assert isinstance(layer, GaussianLayer)
    spread(layer)
    x = torch.randn(4, 5, dtype=torch.float64)
    mean = F.linear(x, layer.weight, layer.bias).detach()
    variance = F.linear(x.square(), layer.log_variance.exp()).detach()
    assert_moments(lambda: layer(x), mean, variance)


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("kind", list(GEOMETRY))
def test_lrt_and_lrt_fused_are_equal_given_the_noise(kind: str, channels_last: bool) -> None:
    outcomes = []
    for estimator in ("lrt", "lrt_fused"):
        layer = convolution(kind, estimator, Orderly())
        x = image(layer, channels_last).requires_grad_()
        y = layer(x)
        loss = (y * torch.linspace(-1, 1, y.numel(), dtype=y.dtype).view(y.shape)).sum()
        gradients = torch.autograd.grad(loss, (x, layer.weight, layer.log_variance))
        outcomes.append([y, *gradients])
    for one, other in zip(*outcomes, strict=True):
        assert (one - other).norm() <= 1e-10 * one.norm()


def test_linear_lrt_and_lrt_fused_are_equal_given_the_noise() -> None:
    outcomes = []
    for estimator in ("lrt", "lrt_fused"):
        torch.manual_seed(0)
        layer = VariationalLayers(Orderly(), estimator).linear(5, 3)  # type: ignore[arg-type]
        spread(layer)  # type: ignore[arg-type]
        x = torch.randn(4, 5, dtype=torch.float64, requires_grad=True)
        y = layer(x)
        outcomes.append([y, *torch.autograd.grad(y.square().sum(), (x, layer.log_variance))])
    for one, other in zip(*outcomes, strict=True):
        assert (one - other).norm() <= 1e-10 * one.norm()


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_the_gradient_of_the_log_variance_is_that_of_the_law(estimator: str) -> None:
    """E y^2 = mean^2 + variance: the mean gradient over draws against the closed form's."""
    layer = convolution("pointwise", estimator)
    x = image(layer)
    variance = layer.log_variance.exp()
    spread_of = F.conv2d(x.square(), variance, groups=BLOCKS)
    (expected,) = torch.autograd.grad(spread_of.sum(), layer.log_variance)
    total = torch.zeros_like(expected)
    count = 1500
    for _ in range(count):
        (gradient,) = torch.autograd.grad(layer(x).square().sum(), layer.log_variance)
        total += gradient / count
    assert (total - expected).norm() < 0.15 * expected.norm()


@pytest.mark.parametrize("estimator", ["lrt", "lrt_fused", "flipout", "mixed"])
def test_examples_have_noise_of_their_own(estimator: str) -> None:
    """Two equal examples: uncorrelated noise, unlike with one draw of the weights a batch."""

    def correlation(name: str, kind: str = "dense") -> float:
        layer = convolution(kind, name)
        x = image(layer)[:1].repeat(2, 1, 1, 1)
        mean, variance = closed_form(layer, x)
        with torch.no_grad():
            draws = torch.stack([layer(x) - mean for _ in range(800)])
        return float((draws[:, 0] * draws[:, 1]).mean() / variance.mean())

    assert abs(correlation(estimator)) < 0.06
    assert correlation("weight") == pytest.approx(1.0, abs=0.15)
    assert correlation("mixed", "inner") == pytest.approx(1.0, abs=0.15)


def test_mixed_draws_weights_of_inner_convolutions_alone() -> None:
    """In the fused super-network and in the discrete network, whose layers are the same ones."""
    space = SpaceConfig(nodes=2, cells=3, channels=4)
    searched = VariationalLayers(Noise(), "mixed")
    supernet = build_supernet(space, (3, 8, 8), 10, SupernetOptions(searched))
    inner = {
        name for name, m in supernet.named_modules() if isinstance(m, GaussianLayer) and m.inner
    }
    preprocess = {name for name in inner if "preprocess" in name}
    assert {name.rsplit(".", 1)[-1] for name in inner - preprocess} == {
        *("depthwise_1", "pointwise_1", "depthwise_2"),
        "depthwise",
    }
    # two inputs of three cells; a factorised reduction where the cell before the last one reduces
    assert len(preprocess) == 3 * 2 + 1
    node = (("sep_conv_5x5", 0), ("dil_conv_3x3", 1))
    genotype = Genotype("darts", {"normal": (node, node), "reduce": (node, node)})
    found = VariationalLayers(Noise(), "mixed")
    network = build_network(genotype, space, NetworkOptions(3, 4, (3, 8, 8), 10, layers=found))
    # of a separable and a dilated convolution: three and one, with two nodes in three cells
    layers = [m for m in network.modules() if isinstance(m, GaussianLayer)]
    assert sum(layer.inner for layer in layers) == (3 + 1) * 2 * 3 + len(preprocess)
