"""Whatever goes in channels innermost stays so: half of the speed on a CPU hangs on it."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from bench.space.config import SpaceConfig
from bench.space.cpu.memory_format import channels_last
from bench.space.mixture import CellMixture, Mixture
from bench.space.supernet import Supernet


@pytest.mark.parametrize("colours", [1, 3])
def test_one_channel_too_says_that_it_is_channels_last(colours: int) -> None:
    images = channels_last(torch.randn(2, colours, 4, 6))
    assert images.stride() == (24 * colours, 1, 6 * colours, colours)


@pytest.mark.parametrize("colours", [1, 3])
@pytest.mark.parametrize("weights", ["batch", "example"])
def test_every_module_keeps_the_format(colours: int, weights: str) -> None:
    space = SpaceConfig(cells=3, channels=4, nodes=2)
    supernet = Supernet(space, (colours, 8, 8), 10)
    shape = (len(supernet.graph.edges), len(space.operations))
    z = torch.rand(5, *shape) if weights == "example" else torch.rand(shape)
    wrong: list[str] = []

    def look(name: str) -> Any:
        def hook(module: nn.Module, inputs: Any, output: Any) -> None:
            for y in output if isinstance(output, tuple) else (output,):
                if not isinstance(y, Tensor) or y.dim() != 4 or y.shape[2:].numel() == 1:
                    continue
                if not y.is_contiguous(memory_format=torch.channels_last):
                    wrong.append(name)

        return hook

    for name, module in supernet.named_modules():
        module.register_forward_hook(look(name))
    images = channels_last(torch.randn(5, colours, 8, 8))
    supernet(images, Mixture({kind: CellMixture(z) for kind in ("normal", "reduce")}))
    assert not wrong
