"""The source of a network's and a method's random draws: one generator, reseeded every epoch."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from bench.seeds import derive


class Noise:
    """Draws from a generator of its own, so that the global random state plays no part.

    The trainer reseeds it with what the draws belong to (trial, stage, epoch); a resumed run
    therefore draws what the unbroken one would have drawn.
    """

    def __init__(self) -> None:
        self._generators: dict[torch.device, torch.Generator] = {}
        self._seed = derive("unseeded")

    def reseed(self, *parts: object) -> None:
        """All following draws are a function of `parts` and of their order."""
        self._seed = derive(*parts)
        for made in self._generators.values():
            made.manual_seed(self._seed)

    def generator(self, device: torch.device) -> torch.Generator:
        """The generator on a device (made on first use)."""
        if device not in self._generators:
            self._generators[device] = torch.Generator(device=device).manual_seed(self._seed)
        return self._generators[device]

    def normal(self, like: Tensor) -> Tensor:
        """Standard normal, with the shape, dtype, device and memory layout of `like`."""
        return self._draw("normal", like)

    def uniform(self, like: Tensor) -> Tensor:
        """Uniform on (0, 1): never exactly 0, so that its logarithm is finite."""
        tiny = torch.finfo(like.dtype).eps
        return self._draw("uniform", like).clamp(tiny, 1 - tiny)

    def gumbel(self, like: Tensor) -> Tensor:
        """Standard Gumbel: -log(-log(u))."""
        return -(-self.uniform(like).log()).log()

    def gamma(self, concentration: Tensor) -> Tensor:
        """Gamma(concentration, 1), differentiable in the concentration (implicit derivative)."""
        return torch._standard_gamma(concentration, generator=self.generator(concentration.device))

    def signs(self, like: Tensor) -> Tensor:
        """-1 or 1 with probability 1/2 each."""
        return self._draw("uniform", like).round_().mul_(2).sub_(1)

    def _draw(self, law: Literal["normal", "uniform"], like: Tensor) -> Tensor:
        function = torch.randn if law == "normal" else torch.rand
        channels_last = like.dim() == 4 and like.is_contiguous(memory_format=torch.channels_last)
        shape = (len(like), *like.shape[2:], like.shape[1]) if channels_last else tuple(like.shape)
        generator = self.generator(like.device)
        drawn = function(shape, generator=generator, device=like.device, dtype=like.dtype)
        return drawn.permute(0, 3, 1, 2) if channels_last else drawn
