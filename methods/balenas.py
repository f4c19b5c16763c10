"""BaLeNAS: differentiable architecture search via the Bayesian learning rule.

Source: Zhang, Hu, Su, Pan, Chang, Yang, Haffari 2022 (arXiv 2111.13204), of which the abstract and
reviews could be read, not the body; the updates are Vadam's, as in Khan, Nielsen, Tangkaratt, Lin,
Gal, Srivastava 2018 (arXiv 1806.04854) and its public code (emtiyaz/vadam).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

from bench.method import Phase, Task
from bench.options import Positive, options
from bench.seeds import generator
from bench.space.mixture import CellMixture, Mixture
from bench.space.supernet import Supernet
from methods.relaxed import Relaxed, RelaxedConfig, share_largest

BETAS = (0.5, 0.999)


@options
class BaLeNasConfig(RelaxedConfig):
    """Defaults of DARTS [ours: the paper's could not be read]."""

    alpha_learning_rate: Positive = 3e-4
    """Vadam, constant; multiplied by the search's rate factor."""
    alpha_weight_decay: Positive = 1e-3
    """Prior precision of alpha over the images of the architecture's half."""
    noise: bool = True
    """Draw alpha; without it the mean is used: a point estimate."""


class Vadam(torch.optim.Optimizer):
    """Vadam (arXiv 1806.04854): Adam's step for a Gaussian's mean, with the gradient at a draw.

        m <- b1 m + (1 - b1) (g + d mu),  v <- b2 v + (1 - b2) g^2,
        mu <- mu - rate m^ / (sqrt(v^) + d);  the Gaussian is N(mu, 1 / (N (v + d)))

    decay: d, the prior's precision over N, the number of examples. m^ and v^ are without the bias
    of their start at 0.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], rate: float, decay: float) -> None:
        super().__init__(parameters, {"lr": rate, "decay": decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for mean in group["params"]:
                if mean.grad is not None:
                    self._update(mean, mean.grad, group)

    def _update(self, mean: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        state, decay = self.state[mean], group["decay"]
        if not state:
            state["step"] = torch.zeros((), device=mean.device)
            state["m"], state["v"] = torch.zeros_like(mean), torch.zeros_like(mean)
        first, second = BETAS
        state["step"] += 1
        state["m"].lerp_(gradient + decay * mean, 1 - first)
        state["v"].lerp_(gradient.square(), 1 - second)
        m = state["m"] / (1 - first ** state["step"])
        v = state["v"] / (1 - second ** state["step"])
        mean.sub_(group["lr"] * m / (v.sqrt() + decay))

    def second_moment(self, mean: Tensor) -> Tensor:
        """v of a parameter; zero before the first step."""
        return self.state[mean]["v"] if self.state.get(mean) else torch.zeros_like(mean)


class BaLeNas(Relaxed):
    """BaLeNAS (arXiv 2111.13204): Gaussians over alpha by natural-gradient variational inference.

        min over q of E_q(alpha)[ CE(f(x; softmax(alpha)), y) ] + 1/N KL[q(alpha) || N(0, 1/(N d))]
        q(alpha) = N(mu, s^2), s^2 = 1 / (N (v + d)), v the running mean of squared gradients

    N is the number of images of the architecture's half, d alpha_weight_decay. One draw of alpha
    for every forward pass; selection by softmax(mu), without the paper's training-free measures.
    """

    Config = BaLeNasConfig
    config: BaLeNasConfig

    def __init__(self, config: BaLeNasConfig, task: Task) -> None:
        super().__init__(config, task)
        self.images = len(task.data.part(self.architecture_part))
        self.vadam: Vadam | None = None

    def deviation(self, kind: str) -> Tensor:
        """s of a cell type's alphas, [edges, operations]."""
        mean = self.alpha[kind].detach()
        moment = self.vadam.second_moment(self.alpha[kind]) if self.vadam else 0 * mean
        return (self.images * (moment + self.config.alpha_weight_decay)).rsqrt()

    def mixture(self, batch: int) -> Mixture:
        return Mixture({kind: CellMixture(self._draw(kind).softmax(-1)) for kind in self.alpha})

    def _draw(self, kind: str) -> Tensor:
        mean = self.alpha[kind]
        if not (self.training and self.config.noise):
            return mean
        return mean + self.deviation(kind) * self.task.noise.normal(mean.detach())

    def phases(self, supernet: Supernet) -> list[Phase]:
        architecture, weights = super().phases(supernet)
        c = self.config
        rate = c.alpha_learning_rate * self.rate_factor
        self.vadam = Vadam(architecture.parameters, rate, c.alpha_weight_decay)
        architecture.optimisers = [self.vadam]
        return [architecture, weights]

    def columns(self) -> dict[str, dict[str, Tensor]]:
        values = {}
        for kind, alpha in self.alpha.items():
            mean, std = alpha.detach().cpu(), self.deviation(kind).cpu()
            noise = torch.randn((2000, *mean.shape), generator=generator("cpu", "probability"))
            draws = mean + float(self.config.noise) * std * noise
            z = draws.softmax(-1)
            values[kind] = {
                "mean": z.mean(0),
                "std": z.std(0),
                "probability": share_largest(draws, self.task.candidates),
            }
        return values
