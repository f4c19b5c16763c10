"""A variational variable on a quadratic loss, trained by the real trainer, ends at the optimum.

Loss h/2 E(z - m)^2 + beta/N KL, z ~ N(mu, s2), ARD prior: with c = N h m^2 / beta the optimum is
alpha = s2/mu^2 = 1 / (c - 1) for c > 1, and mu collapses to 0 for c <= 1.
"""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from bench.data.augmentation import Augmentation
from bench.data.splits import Pool, Split
from bench.method import Batches, Objective, Phase, cosine
from bench.noise import Noise
from bench.training.trainer import Hooks, Trainer, TrainerOptions
from methods.variational.priors import kl_divergence
from methods.vinnas import VinnasConfig

BATCH, STEPS, EPOCHS = 16, 100, 40
TARGET = 0.8


def train(ratios: list[float], *, sampled: bool) -> tuple[Tensor, Tensor]:
    """Mean and log variance for each c, all in one run, with VINNAS's optimiser and schedules.

    sampled: the loss of a draw of z an example, instead of its expectation.
    """
    c = VinnasConfig()
    images_used, beta = BATCH * STEPS, 5.0
    curvature = torch.tensor(ratios) * beta / (images_used * TARGET**2)
    start = torch.full_like(curvature, 1 / 7)
    module = nn.ParameterDict(
        {
            "mean": nn.Parameter(start),
            "log_variance": nn.Parameter(torch.full_like(start, c.initial_log_variance)),
        }
    )
    mean, log_variance = module["mean"], module["log_variance"]
    noise, factor = Noise(), [0.0]

    def warm_up(epoch: int) -> None:
        factor[0] = min(1.0, (epoch - 1) / EPOCHS / c.warm_up)

    def objective(batches: Batches) -> Objective:
        if sampled:
            eps = noise.normal(mean.expand(len(batches["train"].labels), -1))
            loss = (mean + (0.5 * log_variance).exp() * eps - TARGET).square().mean(0)
        else:
            loss = (mean - TARGET).square() + log_variance.exp()
        kl = factor[0] * beta / images_used * kl_divergence(mean, log_variance, c.prior)
        return Objective({"quadratic": (curvature / 2 * loss).sum(), "kl": kl})

    groups = [
        {"params": [mean], "lr": c.z_learning_rate},
        {"params": [log_variance], "lr": c.z_log_variance_learning_rate},
    ]
    phase = Phase(
        "joint",
        "train",
        [mean, log_variance],
        [torch.optim.Adam(groups)],
        objective,
        cosine(),
        c.gradient_clip,
    )
    images = torch.zeros(images_used, 1, 1, 1, dtype=torch.uint8)
    labels = torch.zeros(images_used, dtype=torch.int64)
    pool = Pool(images, labels, torch.zeros(1), torch.ones(1))
    split = Split(pool, torch.arange(images_used))
    options = TrainerOptions(EPOCHS, BATCH, Augmentation(), "float32", False, seed=0)
    hooks = Hooks(before=warm_up)
    Trainer([phase], lambda name: split, {"module": module}, options, noise, hooks=hooks).run()
    return mean.detach(), log_variance.detach()


@pytest.mark.slow
@pytest.mark.parametrize("sampled", [False, True], ids=["expectation", "draws"])
def test_alpha_is_one_over_c_minus_one(sampled: bool) -> None:
    ratios = [1.5, 2.0, 4.0, 20.0, 1000.0]
    mean, log_variance = train(ratios, sampled=sampled)
    alpha = (log_variance - mean.square().log()).exp()
    for found, c, mu in zip(alpha.tolist(), ratios, mean.tolist(), strict=True):
        tolerance = 0.06 if sampled else 0.005
        assert found == pytest.approx(1 / (c - 1), rel=tolerance)
        # mu = m (1 - 1/c)
        assert mu == pytest.approx(TARGET * (1 - 1 / c), rel=tolerance)


@pytest.mark.slow
def test_the_mean_collapses_for_c_up_to_1() -> None:
    mean, log_variance = train([0.1, 0.5, 0.9], sampled=False)
    assert mean.abs().max() < 0.01
    rate = log_variance - mean.square().log()
    assert (rate > VinnasConfig().threshold).all()  # VINNAS calls it dead
    assert math.isfinite(float(log_variance.sum()))
