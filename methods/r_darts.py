"""R-DARTS: DARTS with early stopping by the curvature of the validation loss.

Source: Zela, Elsken, Saikia, Marrakchi, Brox, Hutter 2020 (arXiv 1909.09656), section 4.3, and its
public code.
"""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from bench.data.splits import Split
from bench.method import Phase, Selection, Task
from bench.options import Count, options
from bench.space.config import SpaceConfig
from bench.space.mixture import CellMixture, Mixture
from bench.space.supernet import Supernet
from bench.training.config import SearchConfig
from bench.training.hessian import dominant_eigenvalue
from methods.relaxed import Relaxed, RelaxedConfig


@options
class RDartsConfig(RelaxedConfig):
    """Defaults of DARTS, and of the public code for the stopping rule."""

    factor: Annotated[float, Field(gt=1)] = 1.3
    """Stop when the smoothed eigenvalue grew by more."""
    window: Count = 5
    """Epochs that are averaged, and that are compared and undone."""
    first_epoch: Count = 10
    """No epoch before this one is returned to."""
    images: Annotated[int, Field(ge=2)] = 64
    """Architecture images that the Hessian is taken on."""
    lanczos_steps: Count = 20
    """Hessian-vector products an epoch."""

    @property
    def first_stop(self) -> int:
        """The first epoch after which a search can stop (see `last_good_epoch`)."""
        return max(2 * self.window, self.first_epoch + self.window + self.window // 2)


class RDarts(Relaxed):
    """R-DARTS (arXiv 1909.09656): DARTS that stops when the dominant Hessian eigenvalue jumps.

        DARTS until l(i) / l(i - window) > factor; then the alphas of epoch i - window

    l(i) is the mean over `window` epochs around i of the dominant eigenvalue of the architecture
    loss's Hessian in all alphas. After the stop nothing is trained any more.
    """

    Config = RDartsConfig
    config: RDartsConfig
    eigenvalues: Tensor
    past: Tensor
    returned: Tensor

    def __init__(self, config: RDartsConfig, task: Task) -> None:
        super().__init__(config, task)
        alphas = sum(alpha.numel() for alpha in self.alpha.values())
        self.register_buffer("eigenvalues", torch.full((task.epochs,), float("nan")).double())
        self.register_buffer("past", torch.zeros(task.epochs, alphas))
        self.register_buffer("returned", torch.tensor(0))  # the epoch, once stopped

    @classmethod
    def find_problem(
        cls, config: RDartsConfig, space: SpaceConfig, search: SearchConfig
    ) -> str | None:
        if search.epochs >= config.first_stop:
            return None
        return (
            f"a search of {search.epochs} epochs is over before R-DARTS can stop, so it would be"
            f" DARTS: with window = {config.window} and first_epoch = {config.first_epoch} the"
            f" first epoch after which it can is {config.first_stop}"
        )

    @property
    def stopped(self) -> bool:
        return bool(self.returned > 0)

    def mixture(self, batch: int) -> Mixture:
        return Mixture({k: CellMixture(a.softmax(-1)) for k, a in self.alpha.items()})

    def phases(self, supernet: Supernet) -> list[Phase]:
        phases = super().phases(supernet)
        for phase in phases:
            phase.enabled = lambda: not self.stopped
        return phases

    def end_epoch(self, epoch: int, supernet: Supernet, train: Split) -> dict[str, float]:
        if self.stopped:
            return {"returned_to_epoch": float(self.returned)}
        alphas = list(self.alpha.values())
        eigenvalue = self._eigenvalue(supernet, alphas)
        self.eigenvalues[epoch - 1] = eigenvalue
        self.past[epoch - 1] = torch.cat([alpha.detach().flatten() for alpha in alphas])
        stop = last_good_epoch(self.eigenvalues[:epoch].tolist(), self.config)
        if stop is not None:
            self.returned.fill_(stop)
            with torch.no_grad():
                torch.nn.utils.vector_to_parameters(self.past[stop - 1], alphas)
        return {"dominant_eigenvalue": eigenvalue, "returned_to_epoch": float(self.returned)}

    def _eigenvalue(self, supernet: Supernet, alphas: list[torch.nn.Parameter]) -> float:
        for parameter in supernet.parameters():
            parameter.requires_grad_(False)
        for alpha in alphas:
            alpha.requires_grad_(True)
        half = self.task.data.part("architecture")
        loss = self.objective(supernet, half.spread(self.config.images)).total()
        return dominant_eigenvalue(loss, alphas, self.config.lanczos_steps)

    def select(self, supernet: Supernet, validation: Split) -> Selection:
        details = {"stopped": self.stopped, "returned_to_epoch": int(self.returned)}
        return Selection(self.current(), "strongest", details)


def last_good_epoch(eigenvalues: list[float], config: RDartsConfig) -> int | None:
    """The epoch (from 1) to return to, or None where there was no jump yet.

    eigenvalues: one an epoch so far. The newest smoothed one is centred `window // 2` epochs back.
    """
    window = config.window

    def smoothed(last: int) -> float:
        values = eigenvalues[last - window : last]
        return sum(values) / len(values)

    epoch = len(eigenvalues) - window // 2 - window
    if len(eigenvalues) < 2 * window or epoch < config.first_epoch:
        return None
    now, before = smoothed(len(eigenvalues)), smoothed(len(eigenvalues) - window)
    return epoch if before > 0 and now / before > config.factor else None
