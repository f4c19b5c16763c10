"""The CPU's random numbers on any device, so that a device's arithmetic is all that differs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from bench import noise, seeds


class HostDraws(TorchFunctionMode):
    """Within it the product's generators are the CPU's, and what they draw is sent to the device.

    A product's run draws noise and augmentation on the device, where the same seed gives other
    numbers. The order of a draw's numbers depends on the memory format: see `trials.like_cpu`.
    """

    def __enter__(self) -> HostDraws:
        self._before = (seeds.generator, noise.Noise.generator)
        derived, of_noise = self._before
        seeds.generator = lambda device, *parts: derived("cpu", *parts)
        noise.Noise.generator = lambda own, device: of_noise(own, torch.device("cpu"))
        super().__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        seeds.generator, noise.Noise.generator = self._before

    def __torch_function__(
        self,
        function: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = dict(kwargs or {})
        generator = kwargs.get("generator")
        if not isinstance(generator, torch.Generator) or generator.device.type != "cpu":
            return function(*args, **kwargs)
        if function is torch._standard_gamma:  # differentiable in its argument
            return function(args[0].cpu(), **kwargs).to(args[0].device)
        device = kwargs.pop("device", None)
        drawn = function(*args, **kwargs)
        return drawn if device is None else drawn.to(device)
