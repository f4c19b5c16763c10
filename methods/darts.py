"""DARTS: differentiable architecture search by continuous relaxation, orders 1 and 2.

Source: Liu, Simonyan, Yang 2019 (arXiv 1806.09055).
"""

from __future__ import annotations

from typing import Literal

import torch

from bench.method import Batches, Objective, Phase
from bench.options import options
from bench.space.mixture import CellMixture, Mixture
from bench.space.supernet import Supernet
from methods.relaxed import Relaxed, RelaxedConfig
from methods.unrolled import unrolled_gradient


@options
class DartsConfig(RelaxedConfig):
    """Defaults of the paper (section 3 and appendix)."""

    order: Literal[1, 2] = 1
    """2 differentiates through a virtual step of the weights."""


class Darts(Relaxed):
    """DARTS (arXiv 1806.09055): softmax mixture, bilevel updates, strongest operations.

        min over alpha of CE_architecture(w*(alpha), alpha), w*(alpha) = argmin over w of CE_weights

    CE_architecture and CE_weights are mean cross-entropies on two halves of the training images.

    `none` is one of the operations of the softmax in every space that has it (the DARTS space,
    NAS-Bench-201, S3), as in the paper, and is never selected: in the DARTS space as in the paper,
    in NAS-Bench-201 other than its authors' DARTS, which may end with `none`. S1, S2 and S4 have
    no `none`.
    """

    Config = DartsConfig
    config: DartsConfig

    def mixture(self, batch: int) -> Mixture:
        return Mixture({k: CellMixture(a.softmax(-1)) for k, a in self.alpha.items()})

    def phases(self, supernet: Supernet) -> list[Phase]:
        architecture, weights = super().phases(supernet)
        if self.config.order == 2:
            (sgd,) = weights.optimisers
            assert isinstance(sgd, torch.optim.SGD)

            def second_order(batches: Batches) -> Objective:
                return unrolled_gradient(
                    architecture.parameters,
                    weights.parameters,
                    sgd,
                    lambda: weights.objective(batches),
                    lambda: architecture.objective(batches),
                )

            architecture.backward = second_order
        return [architecture, weights]
