"""BayesNAS: a Bayesian approach for neural architecture search.

Source: Zhou, Yang, Wang, Pan 2019 (arXiv 1905.04919) and its public code (BayesNAS/BayesNAS at
f55a71c).
"""

from __future__ import annotations

import math
from typing import Annotated, Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from bench.data.splits import Split
from bench.method import Batches, Method, Objective, Phase, Selection, Task, cosine
from bench.options import Count, NonNegative, Positive, Share, options
from bench.posterior import probability_of_best, table
from bench.space.constants import index
from bench.space.genotype import Genotype
from bench.space.mixture import CellMixture, Mixture
from bench.space.supernet import Supernet
from methods.alive import select_alive
from methods.fisher import mixture_fisher

SMALLEST, LARGEST = 1e-10, 1e10


@options
class BayesNasConfig:
    """Defaults of the public code."""

    lambda_edge: Positive = 0.01
    """Weight of the edges' penalty."""
    lambda_operation: Positive = 0.01
    """Weight of the operations' penalty."""
    entropy_threshold: float = 0.0
    """Nats; at most this much and an operation is dead."""
    learning_rate: Positive = 0.1
    """SGD on weights and, multiplied by the search's rate factor, on switches, cosine."""
    momentum: Share = 0.9
    """Of SGD."""
    weight_decay: NonNegative = 1e-4
    """Of the weights alone."""
    gradient_clip: Positive = 5.0
    """Largest norm of the weights' gradient."""
    images: Annotated[int, Field(ge=2)] = 512
    """Training images that the curvature is taken on."""
    normalise_operations: bool = True
    """Normalise identities' outputs too."""
    edges_per_node: Count = 2
    """Edges that selection keeps into a node."""
    updates: Literal["paper", "every_epoch"] = "paper"
    """Paper: the weights alone, then weights and switches, then gamma once; every_epoch is ours."""


class BayesNas(Method):
    """BayesNAS (arXiv 1905.04919): hierarchical ARD on switches, Laplace approximation, entropy.

    z = s_edge * s_operation, each switch with a prior N(0, gamma). Training minimises the loss plus
    lambda * sum omega |s|; an update is C = 1 / (1/gamma + H/lambda),
    omega = sqrt(1/gamma - C/gamma^2), gamma = |s| / omega, and for an operation
    1 / (1/gamma + 1/gamma_edge). An operation is pruned where 1/2 ln(2 pi e gamma) <= threshold.

    Order (`updates: paper`, as the public code's search/main.py): one epoch of the weights alone,
    without the penalty; one of weights and switches; one update. Each of the two epochs is half of
    the search's [ours]. `every_epoch`: weights and switches from the start, an update after every
    epoch.
    """

    Config = BayesNasConfig
    config: BayesNasConfig
    stated_steps: ClassVar[int | None] = 2 * 2777
    """Code: its two epochs of 50,000 images in batches of 18."""
    architecture_part: ClassVar[str] = "train"

    def __init__(self, config: BayesNasConfig, task: Task) -> None:
        super().__init__(config, task)
        self.weights_alone = False
        edges, operations = len(task.graph.edges), len(task.space.operations)
        self.edge, self.operation = nn.ParameterDict(), nn.ParameterDict()
        for kind in task.kinds:
            self.edge[kind] = nn.Parameter(torch.ones(edges, 1))
            self.operation[kind] = nn.Parameter(torch.ones(edges, operations))
            for group, shape in (("edge", (edges, 1)), ("operation", (edges, operations))):
                for name in ("gamma", "omega", "covariance"):
                    self.register_buffer(f"{name}_{group}_{kind}", torch.ones(shape))

    def state(self, name: str, group: str, kind: str) -> Tensor:
        """gamma, omega or covariance of a group ("edge", "operation") of switches."""
        return self.get_buffer(f"{name}_{group}_{kind}")

    @property
    def normalise_operations(self) -> bool:
        return self.config.normalise_operations

    def mixture(self, batch: int) -> Mixture:
        return Mixture({k: CellMixture(self.edge[k] * self.operation[k]) for k in self.edge})

    def penalty(self) -> dict[str, Tensor]:
        c = self.config
        candidates = index(self.task.candidates, self.operation[self.task.kinds[0]].device)
        terms = []
        for kind in self.task.kinds:
            omega = self.state("omega", "operation", kind) * self.operation[kind]
            terms.append(c.lambda_operation * omega[:, candidates].abs().sum())
            omega = self.state("omega", "edge", kind) * self.edge[kind]
            terms.append(c.lambda_edge * omega.abs().sum())
        return {"ard": torch.stack(terms).sum()}

    def begin_epoch(self, epoch: int) -> None:
        super().begin_epoch(epoch)
        alone = self.task.epochs // 2 if self.config.updates == "paper" else 0
        self.weights_alone = epoch <= alone

    def phases(self, supernet: Supernet) -> list[Phase]:
        c = self.config
        weights, switches = list(supernet.parameters()), list(self.parameters())
        groups: list[dict[str, Any]] = [
            {"params": weights, "weight_decay": c.weight_decay},
            {"params": switches, "weight_decay": 0.0, "lr": c.learning_rate * self.rate_factor},
        ]

        def joint(batches: Batches) -> Objective:
            return self.objective(supernet, batches["train"])

        def unpenalised(batches: Batches) -> Objective:
            outcome = joint(batches)
            return Objective({"cross_entropy": outcome.terms["cross_entropy"]}, outcome.metrics)

        both = torch.optim.SGD(groups, c.learning_rate, c.momentum)
        phases = [
            Phase("joint", "train", [*weights, *switches], [both], joint, cosine(), c.gradient_clip)
        ]
        if self.config.updates == "paper":
            alone = torch.optim.SGD(groups[:1], c.learning_rate, c.momentum)
            phases.insert(
                0,
                Phase("weights", "train", weights, [alone], unpenalised, cosine(), c.gradient_clip),
            )
            phases[0].enabled = lambda: self.weights_alone
            phases[1].enabled = lambda: not self.weights_alone
        return phases

    def end_epoch(self, epoch: int, supernet: Supernet, train: Split) -> dict[str, float]:
        if self.config.updates == "every_epoch" or epoch == self.task.epochs:
            images, labels = train.spread(self.config.images), self.task.noise
            for kind, (z, per_example) in mixture_fisher(
                supernet, self.mixture(1), images, self.task.batch_size, labels
            ).items():
                self._update(kind, z, per_example)
        return {"alive": float(sum(int(alive.sum()) for alive in self._alive().values()))}

    @torch.no_grad()
    def _update(self, kind: str, z: Tensor, gradients: Tensor) -> None:
        """gradients: of every example's log-likelihood in z, [images, edges, operations]."""
        c = self.config
        edge, operation = self.edge[kind], self.operation[kind]
        candidates = list(self.task.candidates)
        of_edge = (gradients * operation)[..., candidates].sum(-1, keepdim=True)
        self._laplace("edge", kind, edge, of_edge.square().mean(0) / c.lambda_edge)
        of_operation = (gradients * edge).square().mean(0) / c.lambda_operation
        self._laplace("operation", kind, operation, of_operation)
        gamma, above = self.state("gamma", "operation", kind), self.state("gamma", "edge", kind)
        gamma.copy_(1 / (1 / gamma + 1 / above))

    def _laplace(self, group: str, kind: str, switch: Tensor, curvature: Tensor) -> None:
        gamma = self.state("gamma", group, kind)
        covariance = 1 / (1 / gamma + curvature)
        omega = (1 / gamma - covariance / gamma.square()).abs().sqrt().clamp_min(SMALLEST)
        self.state("covariance", group, kind).copy_(covariance)
        self.state("omega", group, kind).copy_(omega)
        gamma.copy_((switch.abs() / omega).clamp(SMALLEST, LARGEST))

    # -- selection ------------------------------------------------------------------------------

    def _entropies(self) -> dict[str, Tensor]:
        """Differential entropy (nats) of every operation's prior; -inf for `none`."""
        entropies = {}
        none = [i for i in range(len(self.task.space.operations)) if i not in self.task.candidates]
        for kind in self.task.kinds:
            gamma = self.state("gamma", "operation", kind)
            entropy = 0.5 * (2 * math.pi * math.e * gamma).log()
            entropy[:, none] = float("-inf")
            entropies[kind] = entropy
        return entropies

    def _alive(self) -> dict[str, Tensor]:
        return {k: h > self.config.entropy_threshold for k, h in self._entropies().items()}

    def _select(self) -> tuple[Genotype, dict[str, Any]]:
        return select_alive(self.task, self._entropies(), self._alive(), self.config.edges_per_node)

    def current(self) -> Genotype:
        return self._select()[0]

    def select(self, supernet: Supernet, validation: Split) -> Selection:
        genotype, details = self._select()
        return Selection(genotype, "entropy", details)

    def posterior(self) -> list[dict[str, Any]]:
        values = {}
        alive = self._alive()
        for kind, edge in self.edge.items():
            mean = (edge * self.operation[kind]).detach()
            std = edge.detach().abs() * self.state("covariance", "operation", kind).sqrt()
            excluded = mean.clone()
            for column, name in enumerate(self.task.space.operations):
                if name == "none":
                    excluded[:, column] = float("-inf")
                    mean[:, column] = std[:, column] = float("nan")
            values[kind] = {
                "mean": mean,
                "std": std,
                "snr": mean.abs() / std,
                "probability": probability_of_best(excluded, torch.nan_to_num(std)),
                "alive": alive[kind],
            }
        return table(self.current(), self.task.graph, self.task.space.operations, values)
