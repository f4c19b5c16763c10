"""GDAS: searching for a robust neural architecture in four GPU hours.

Source: Dong, Yang 2019 (arXiv 1910.04465) and its public code.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from bench.data.splits import Split
from bench.method import Phase, Task
from bench.options import Positive, options
from bench.space.mixture import CellMixture, Mixture
from bench.space.supernet import Supernet
from methods.relaxed import Relaxed, RelaxedConfig, fall_linearly


@options
class GdasConfig(RelaxedConfig):
    """Defaults of the paper (section 4.2)."""

    temperature: Positive = 10.0
    """Of the first epoch."""
    temperature_min: Positive = 0.1
    """Of the last epoch."""
    idle_gradient: bool = True
    """Operations that do not run have a gradient, too."""


class Gdas(Relaxed):
    """GDAS (arXiv 1910.04465): one Gumbel-drawn operation an edge runs, straight-through gradient.

        CE(f(x; z), y), z one-hot forwards, softmax((log p + g) / tau) backwards, g Gumbel noise

    As in the public code an operation that does not run still adds its weight (0 forwards) to every
    element of its node, which is where its gradient comes from (`CellMixture.shift`).
    """

    Config = GdasConfig
    config: GdasConfig
    stated_steps: ClassVar[int | None] = 250 * 97
    """Code (configs/search-opts/GDAS-NASNet-CIFAR.config): 250 epochs, 25,000 images by 256."""

    def __init__(self, config: GdasConfig, task: Task) -> None:
        super().__init__(config, task)
        self.temperature = config.temperature

    def begin_epoch(self, epoch: int) -> None:
        super().begin_epoch(epoch)
        c = self.config
        self.temperature = fall_linearly(c.temperature, c.temperature_min, epoch, self.task.epochs)

    def mixture(self, batch: int) -> Mixture:
        return Mixture({kind: self._draw(alpha) for kind, alpha in self.alpha.items()})

    def _draw(self, alpha: Tensor) -> CellMixture:
        logits = alpha.log_softmax(-1)
        if self.training:
            logits = logits + self.task.noise.gumbel(alpha.detach())
        soft = (logits / self.temperature).softmax(-1)
        chosen = soft.argmax(-1)
        hard = torch.zeros_like(soft).scatter_(-1, chosen[:, None], 1.0)
        z = hard - soft.detach() + soft
        idle = z * (1 - hard) * float(self.config.idle_gradient)
        columns = chosen.tolist()  # waits for the device: what runs is decided here
        active = {
            name: tuple(edge for edge, column in enumerate(columns) if column == number)
            for number, name in enumerate(self.task.space.operations)
        }
        graph = self.task.graph
        nodes = [idle[list(graph.of_node(node))].sum() for node in range(graph.nodes)]
        return CellMixture(z, active=active, shift=torch.stack(nodes))

    def phases(self, supernet: Supernet) -> list[Phase]:
        architecture, weights = super().phases(supernet)
        return [weights, architecture]

    def columns(self) -> dict[str, dict[str, Tensor]]:
        return self.choice_columns()

    def end_epoch(self, epoch: int, supernet: Supernet, train: Split) -> dict[str, float]:
        return {"temperature": self.temperature}
