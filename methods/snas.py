"""SNAS: stochastic neural architecture search.

Source: Xie, Zheng, Liu, Lin 2019 (arXiv 1812.09926) and its public code (SNAS-Series/SNAS-Series at
9a43adb, folder SNAS).
"""

from __future__ import annotations

from typing import ClassVar, Literal

from torch import Tensor

from bench.data.splits import Split
from bench.method import Batches, Objective, Phase, Task, cosine
from bench.options import NonNegative, Positive, options
from bench.space.mixture import CellMixture, Mixture
from bench.space.supernet import Supernet
from methods.relaxed import Relaxed, RelaxedConfig, fall_geometrically, fall_linearly


@options
class SnasConfig(RelaxedConfig):
    """Defaults of the paper (section 3.1) and, for the temperature, of its authors' command.

    The command (README): `train_search.py --snas --epochs 150 --temp 1 --temp_min 0.03
    --temp_annealing ...`, with which the temperature falls linearly (utils.Temp_Scheduler).
    """

    learning_rate_min: NonNegative = 0.0
    temperature: Positive = 1.0
    """Of the first epoch."""
    temperature_min: Positive = 0.03
    """Of the last epoch."""
    annealing: Literal["linear", "geometric"] = "linear"
    """How the temperature falls from epoch to epoch; geometric is ours."""
    draw: Literal["batch", "example"] = "batch"
    """One architecture for what."""


class Snas(Relaxed):
    """SNAS (arXiv 1812.09926): Concrete draws of the operation, annealed; one joint objective.

    E_z[ CE(f(x; z), y) ], z ~ Concrete(softmax(alpha), tau), tau falling from epoch to epoch
    """

    Config = SnasConfig
    config: SnasConfig
    stated_steps: ClassVar[int | None] = 150 * 781
    """The command's 150 epochs of all 50,000 training images in batches of 64."""
    architecture_part: ClassVar[str] = "train"

    def __init__(self, config: SnasConfig, task: Task) -> None:
        super().__init__(config, task)
        self.temperature = config.temperature

    def begin_epoch(self, epoch: int) -> None:
        super().begin_epoch(epoch)
        c = self.config
        fall = fall_linearly if c.annealing == "linear" else fall_geometrically
        self.temperature = fall(c.temperature, c.temperature_min, epoch, self.task.epochs)

    def mixture(self, batch: int) -> Mixture:
        return Mixture({kind: CellMixture(self._z(a, batch)) for kind, a in self.alpha.items()})

    def _z(self, alpha: Tensor, batch: int) -> Tensor:
        """Concrete(softmax(alpha), temperature); in evaluation mode the probabilities."""
        if not self.training:
            return alpha.softmax(-1)
        shape = (batch, *alpha.shape) if self.config.draw == "example" else alpha.shape
        noise = self.task.noise.gumbel(alpha.detach().expand(shape))
        return ((alpha.log_softmax(-1) + noise) / self.temperature).softmax(-1)

    def phases(self, supernet: Supernet) -> list[Phase]:
        c = self.config
        sgd, adam = self.optimisers(supernet)

        def objective(batches: Batches) -> Objective:
            return self.objective(supernet, batches["train"])

        parameters = [*supernet.parameters(), *self.parameters()]
        falling = cosine(c.learning_rate_min, c.learning_rate)
        optimisers = [sgd, adam]
        return [
            Phase("joint", "train", parameters, optimisers, objective, falling, c.gradient_clip)
        ]

    def columns(self) -> dict[str, dict[str, Tensor]]:
        return self.choice_columns()

    def end_epoch(self, epoch: int, supernet: Supernet, train: Split) -> dict[str, float]:
        return {"temperature": self.temperature}
