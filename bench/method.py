"""The contract of a search method.

A method is (1) a distribution over mixing weights, (2) an objective, (3) phases of updates on data
splits, (4) a selection rule. All else (operations, budget, evaluation, ...) is the harness's.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench.budgets import rate_factor
from bench.data.augmentation import Augmentation
from bench.data.splits import Batch, SearchData, Split
from bench.noise import Noise
from bench.space.config import SpaceConfig
from bench.space.constants import index
from bench.space.genotype import Genotype
from bench.space.layers import Layers
from bench.space.mixture import Mixture
from bench.space.network import DiscreteNetwork
from bench.space.skeleton import CellGraph, Position
from bench.space.supernet import Supernet
from bench.tabular.oracle import Ask
from bench.training.config import EvaluationConfig, SearchConfig


@dataclass(frozen=True)
class Task:
    """What a method is told of the problem.

    train_images: images of the part "train" (N of the variational objectives).
    kinds: cell types that occur, in order of first occurrence.
    data: training and validation images; there is no way from here to a test image.
    search: the search's budget. augmentation: of its training images.
    oracle: known validation accuracies by architecture, for a method that needs a table.
    """

    space: SpaceConfig
    graph: CellGraph
    positions: tuple[Position, ...]
    kinds: tuple[str, ...]
    classes: int
    train_images: int
    epochs: int
    batch_size: int
    seed: int
    noise: Noise
    data: SearchData
    search: SearchConfig
    augmentation: Augmentation
    oracle: Ask | None = None

    @property
    def candidates(self) -> tuple[int, ...]:
        """Columns of the operations that can be selected: all but `none`."""
        return tuple(i for i, name in enumerate(self.space.operations) if name != "none")

    def columns(self, values: Tensor, absent: float = 0.0) -> Tensor:
        """[..., edges, candidates] -> [..., edges, operations], `absent` for `none`."""
        full = values.new_full((*values.shape[:-1], len(self.space.operations)), absent)
        return full.index_copy(-1, index(self.candidates, values.device), values)


@dataclass(frozen=True)
class Objective:
    """What a phase minimises: the sum of `terms` (nats); `metrics` are only reported."""

    terms: Mapping[str, Tensor]
    metrics: Mapping[str, Tensor] = field(default_factory=dict)

    def total(self) -> Tensor:
        return torch.stack([term.float() for term in self.terms.values()]).sum()


Batches = Mapping[str, Batch]
"""The step's batches by data part: every phase sees those of all phases."""


def constant(progress: float) -> float:
    """A schedule that changes nothing."""
    return 1.0


def always() -> bool:
    """A phase that runs in every epoch."""
    return True


def cosine(last: float = 0.0, first: float = 1.0) -> Callable[[float], float]:
    """Factor of the learning rate `first`: half a cosine down to `last`; a rate of 0 stays 0."""
    minimum = last / first if first else 1.0
    return lambda progress: minimum + (1 - minimum) * 0.5 * (1 + math.cos(math.pi * progress))


@dataclass
class Phase:
    """One kind of update, done once a step.

    parameters: what it updates; nothing else gets a gradient.
    part: whose batches it sees: "train", "weights" or "architecture" (halves of train), "all".
    optimisers: torch optimisers over `parameters`.
    objective: batches of the step -> what to minimise.
    schedule: (epoch - 1) / epochs -> factor of every group's initial learning rate.
    clip: largest gradient norm, or None.
    backward: writes the gradients itself (second-order methods), given the step's batches; runs
        under the search's autocast, without its cache of weights, which it may change meanwhile.
    enabled: asked before every epoch; an epoch without any enabled phase takes no steps.
    """

    name: str
    part: str
    parameters: list[nn.Parameter]
    optimisers: list[torch.optim.Optimizer]
    objective: Callable[[Batches], Objective]
    schedule: Callable[[float], float] = constant
    clip: float | None = None
    backward: Callable[[Batches], Objective] | None = None
    enabled: Callable[[], bool] = always


@dataclass(frozen=True)
class Selection:
    """A genotype and how it was chosen.

    details: scalars and small lists for the record (alive operations, forced nodes, ...).
    inherited: the mixture of the chosen candidate, if it can be used with inherited weights.
    candidates: architectures that were ranked by inherited weights, by kind, in the order drawn.
    """

    genotype: Genotype
    rule: str
    details: Mapping[str, Any] = field(default_factory=dict)
    inherited: Mixture | None = None
    candidates: Mapping[str, Sequence[Genotype]] = field(default_factory=dict)


class Method(nn.Module):
    """A search method. Subclasses define `Config`, their parameters, `mixture` and `select`."""

    Config: ClassVar[type]
    searches = True  # False: there is no super-network to train
    needs_table: ClassVar[bool] = False  # True: it asks Task.oracle, of a tabular evaluation
    stated_steps: ClassVar[int | None] = None
    """Steps for which its paper states the architecture's learning rates; None: never scaled."""
    architecture_part: ClassVar[str] = "architecture"  # the part of the data they go over

    @classmethod
    def find_problem(cls, config: Any, space: SpaceConfig, search: SearchConfig) -> str | None:
        """Why a study cannot mean this method with these options, in one line, or None."""
        return None

    @classmethod
    def count_candidates(cls, config: Any) -> Mapping[str, int]:
        """By kind how many `Selection.candidates` `select` will rank; forecasts ask it."""
        return {}

    def __init__(self, config: Any, task: Task) -> None:
        super().__init__()
        self.config, self.task = config, task
        self.progress = 0.0
        self._supernet: list[Supernet] = []  # in a list: it is not a submodule of the method

    @property
    def supernet(self) -> Supernet:
        """The super-network that is searched. Raises RuntimeError where there is none yet."""
        if not self._supernet:
            raise RuntimeError(f"{type(self).__name__} has no super-network yet: call attach first")
        return self._supernet[0]

    def attach(self, supernet: Supernet) -> None:
        """Called once, before `phases`: what `supernet` is from now on."""
        self._supernet = [supernet]

    # -- search ---------------------------------------------------------------------------------

    @property
    def rate_factor(self) -> float:
        """What the architecture's stated learning rates are multiplied by (`bench.budgets`)."""
        split = self.task.data.part(self.architecture_part)
        steps = self.task.epochs * split.steps(self.task.batch_size)
        return rate_factor(self.stated_steps, steps, self.task.search.rate_cap)

    def entropy(self) -> tuple[float, float] | None:
        """Mean entropy (nats) of the edges' distributions over operations, and its maximum."""
        return None

    def layers(self) -> Layers:
        """What the super-network's convolutions are made of."""
        return Layers()

    @property
    def normalise_operations(self) -> bool:
        """Whether the super-network normalises the identity's output too."""
        return False

    @property
    def surrogates(self) -> bool:
        """Whether operations without weights have a 1x1 convolution in the super-network."""
        return False

    @property
    def partial_channels(self) -> int:
        """Operations of the super-network act on one of so many parts of the channels."""
        return 1

    def mixture(self, batch: int) -> Mixture:
        """A differentiable draw for `batch` examples."""
        raise NotImplementedError

    def penalty(self) -> dict[str, Tensor]:
        """Named regularisers, already divided by the number of examples and weighted."""
        return {}

    def phases(self, supernet: Supernet) -> list[Phase]:
        """The updates of a step, in order."""
        raise NotImplementedError

    def begin_epoch(self, epoch: int) -> None:
        """Called before epoch 1, 2, ...; annealing goes by `progress` in [0, 1)."""
        self.progress = (epoch - 1) / self.task.epochs

    def end_epoch(self, epoch: int, supernet: Supernet, train: Split) -> dict[str, float]:
        """Called after every epoch; what it returns goes into the history."""
        return {}

    def current(self) -> Genotype:
        """What would be selected now, without looking at data."""
        raise NotImplementedError

    def select(self, supernet: Supernet, validation: Split) -> Selection:
        """The search's result. Gets held-out validation images, never test images."""
        raise NotImplementedError

    def posterior(self) -> list[dict[str, Any]]:
        """One row a (cell, edge, operation); see `bench.posterior`."""
        return []

    def objective(self, supernet: Supernet, batch: Batch) -> Objective:
        """Mean cross-entropy under a draw of the mixture, plus the penalties."""
        logits = supernet(batch.images, self.mixture(len(batch.labels)))
        return Objective(
            {"cross_entropy": F.cross_entropy(logits, batch.labels), **self.penalty()},
            {"accuracy": accuracy(logits, batch.labels)},
        )

    # -- evaluation -----------------------------------------------------------------------------

    def network_layers(self) -> Layers:
        """What the discrete network's convolutions are made of."""
        return Layers()

    def network_phases(
        self, network: DiscreteNetwork, config: EvaluationConfig, part: str, images: int
    ) -> list[Phase]:
        """How the discrete network is trained: SGD, the same for all that can."""
        return [sgd_evaluation(network, config, part)]

    def settle(self, network: DiscreteNetwork, images: Iterable[Tensor]) -> None:
        """Called before the network is measured, with training images in batches, no labels."""

    @property
    def thresholds(self) -> tuple[float, ...]:
        """Levels of the zeroing path, mildest first; empty: nothing is zeroed."""
        return ()

    @property
    def threshold(self) -> float | None:
        """The level at which the network is reported; None: it is reported as trained."""
        return None

    def zero(self, network: DiscreteNetwork, threshold: float) -> None:
        """Set to zero what is dead at a level; a stricter level's zeros include a milder one's."""


def accuracy(logits: Tensor, labels: Tensor) -> Tensor:
    """Fraction of correct predictions; stays on the device."""
    return (logits.detach().argmax(-1) == labels).float().mean()


def evaluation_objective(
    network: DiscreteNetwork,
    config: EvaluationConfig,
    part: str,
    penalty: Callable[[], Mapping[str, Tensor]] = dict,
) -> Callable[[Batches], Objective]:
    """Cross-entropy (label smoothing) of the network and of its auxiliary head, and a penalty."""

    def objective(batches: Batches) -> Objective:
        images, labels = batches[part]
        logits, extra = network(images)
        loss = functools.partial(F.cross_entropy, label_smoothing=config.label_smoothing)
        terms = {"cross_entropy": loss(logits, labels)}
        if extra is not None:
            terms["auxiliary"] = config.auxiliary_weight * loss(extra, labels)
        return Objective({**terms, **penalty()}, {"accuracy": accuracy(logits, labels)})

    return objective


def evaluation_schedule(config: EvaluationConfig) -> Callable[[float], float]:
    """Linear warm-up, then cosine to the smallest learning rate."""
    warm_up = config.warm_up_epochs / config.epochs
    falling = cosine(config.learning_rate_min, config.learning_rate)

    def factor(progress: float) -> float:
        if progress < warm_up:
            return (progress * config.epochs + 1) / (config.warm_up_epochs + 1)
        return falling((progress - warm_up) / max(1e-12, 1 - warm_up))

    return factor


def sgd_evaluation(network: DiscreteNetwork, config: EvaluationConfig, part: str) -> Phase:
    """SGD with momentum on all of the network's parameters."""
    parameters = list(network.parameters())
    optimiser = torch.optim.SGD(
        parameters, config.learning_rate, config.momentum, weight_decay=config.weight_decay
    )
    objective, schedule = evaluation_objective(network, config, part), evaluation_schedule(config)
    return Phase(
        "weights", part, parameters, [optimiser], objective, schedule, config.gradient_clip
    )
