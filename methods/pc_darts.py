"""PC-DARTS: partial channel connections for memory-efficient architecture search.

Source: Xu, Xie, Zhang, Chen, Qi, Tian, Xiong 2020 (arXiv 1907.05737) and its public code.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from bench.method import Phase, Task
from bench.options import Count, NonNegative, Positive, Share, options
from bench.space.constants import index
from bench.space.mixture import CellMixture, Mixture
from bench.space.supernet import Supernet
from methods.relaxed import Relaxed, RelaxedConfig


@options
class PcDartsConfig(RelaxedConfig):
    """Defaults of the paper (section 4.2)."""

    alpha_learning_rate: Positive = 6e-4
    """Adam, constant; multiplied by the search's rate factor."""
    learning_rate: NonNegative = 0.1
    """SGD on the weights, cosine."""
    learning_rate_min: NonNegative = 0.0
    """Of the weights, at the end."""
    partial_channels: Count = 4
    """K: mix one of so many parts of the channels."""
    warm_up: Share = 0.3
    """Share of the epochs in which alpha is fixed."""


class PcDarts(Relaxed):
    """PC-DARTS (arXiv 1907.05737): 1/K of the channels is mixed, edges have weights of their own.

    DARTS with z = softmax(beta) softmax(alpha) on 1/K of the channels; the others pass by
    """

    Config = PcDartsConfig
    config: PcDartsConfig
    stated_steps: ClassVar[int | None] = 50 * 97
    """Section 4.2: 50 epochs, 25,000 images by 256; alpha rests for the first 15, as here."""

    def __init__(self, config: PcDartsConfig, task: Task) -> None:
        super().__init__(config, task)
        edges = len(task.graph.edges)
        self.beta = nn.ParameterDict(
            {kind: nn.Parameter(1e-3 * torch.randn(edges)) for kind in task.kinds}
        )

    @property
    def partial_channels(self) -> int:
        return self.config.partial_channels

    def edge_weights(self, kind: str) -> Tensor:
        """[edges]: softmax of beta over the edges into each node."""
        graph = self.task.graph
        beta = self.beta[kind]
        parts = [
            beta[index(graph.of_node(node), beta.device)].softmax(-1) for node in range(graph.nodes)
        ]
        return torch.cat(parts)  # edges are listed by target

    def mixture(self, batch: int) -> Mixture:
        cells = {}
        for kind, alpha in self.alpha.items():
            weights = self.edge_weights(kind)
            cells[kind] = CellMixture(weights[:, None] * alpha.softmax(-1), bypass=weights)
        return Mixture(cells)

    def phases(self, supernet: Supernet) -> list[Phase]:
        architecture, weights = super().phases(supernet)
        architecture.enabled = lambda: self.progress >= self.config.warm_up
        return [architecture, weights]

    def scores(self) -> dict[str, Tensor]:
        return {
            kind: (self.edge_weights(kind)[:, None] * alpha.softmax(-1)).detach()
            for kind, alpha in self.alpha.items()
        }
