"""KL divergences of a mean-field Gaussian posterior, in closed form or nearly so."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

Prior = Literal["ard", "log_uniform"]

K1, K2, K3 = 0.63576, 1.87320, 1.48695
"""Fitted by Molchanov, Ashukha and Vetrov 2017 (arXiv 1701.05369), equation 14."""
FLOOR = 1e-8
"""Keeps a logarithm finite where the mean is 0."""


def log_alpha(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Log dropout rate, log s2 - log mu^2; +inf where the mean is 0."""
    return log_variance - mean.square().log()


def kl_divergence(mean: Tensor, log_variance: Tensor, prior: Prior = "ard") -> Tensor:
    """KL[Normal(mu, s2) || prior], nats, summed over the elements.

    ard: 1/2 log(1 + mu^2 / s2), the prior Normal(0, tau2) at its best tau2 for every element
    (Kharitonov, Molchanov and Vetrov 2018, arXiv 1811.00596); computed as
    1/2 (log(s2 + mu^2) - log s2), which does not lose small rates to rounding.
    log_uniform: Molchanov 2017, equation 14, exact up to a constant.
    """
    if prior == "ard":
        return 0.5 * ((log_variance.exp() + mean.square()).log() - log_variance).sum()
    rate = log_variance - (mean.square() + FLOOR).log()
    return (K1 - K1 * torch.sigmoid(K2 + K3 * rate) + 0.5 * F.softplus(-rate)).sum()
