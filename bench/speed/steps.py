"""What is measured: training steps on batches that stay the same, our own and the textbook's."""

from __future__ import annotations

import importlib.metadata
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import bench
from bench import plugins
from bench.data.augmentation import Augmentation
from bench.data.config import DataConfig
from bench.method import Batches, Method, Objective, Phase
from bench.space.mixture import CellMixture, Mixture
from bench.space.supernet import Supernet
from bench.speed.scales import Scale, batch_of, data_of
from bench.testing.plain_supernet import PlainSupernet
from bench.training.config import Precision, SearchConfig
from bench.training.search import SearchArguments, build
from bench.training.trainer import Trainer, TrainerOptions

ROOT = Path(bench.__file__).resolve().parent.parent
PARTS = ("train", "weights", "architecture")


def load(name: str) -> type[Method]:
    """The class of a method; where the project is not installed, by its own pyproject.toml.

    Raises ConfigurationError where there is neither.
    """
    project = ROOT / "pyproject.toml"
    if name not in plugins.list_methods() and project.exists():
        entries = tomllib.loads(project.read_text())["project"]["entry-points"][plugins.GROUP]
        return importlib.metadata.EntryPoint(name, entries[name], plugins.GROUP).load()
    return plugins.load_method(name)


@dataclass
class Step:
    """A method at a scale, ready to train: `step()` is one step of the one trainer."""

    method: Method
    supernet: Supernet
    trainer: Trainer
    batches: Batches

    def step(self) -> Tensor:
        """All of the method's phases once."""
        return self.trainer.run_step(self.batches)

    def objective(self) -> Objective:
        """The method's objective on one batch; gradients are as they were set."""
        return self.method.objective(self.supernet, self.batches["train"])


@dataclass(frozen=True)
class Mode:
    """How a step runs."""

    precision: Precision = "float32"
    compile: bool = False
    graph: bool = False


def make(
    name: str,
    scale: Scale,
    device: torch.device,
    options: Mapping[str, Any] | None = None,
    *,
    mode: Mode | None = None,
    single_level: bool = False,
    seed: int = 0,
) -> Step:
    """A method's step as a search would run it (memory format, phases, optimisers).

    single_level: all parameters from one backward pass on one batch, for a bilevel method.
    """
    kind, mode = load(name), mode or Mode()
    budget = SearchConfig(
        epochs=2, batch_size=scale.batch, precision=mode.precision, graph=mode.graph
    )
    data = data_of(scale, device, 2 * scale.batch)
    arguments = SearchArguments(
        kind, kind.Config(**options or {}), scale.space, budget, data, DataConfig(), seed
    )
    method, supernet = build(arguments)
    if mode.compile:
        supernet.compile()
    phases = method.phases(supernet)
    if single_level:
        phases = [_merged(method, supernet, phases)]
    trainer = Trainer(
        phases,
        data.part,
        {"method": method, "supernet": supernet},
        TrainerOptions.of(budget, Augmentation(), seed),
        supernet.noise,
    )
    supernet.noise.reseed("speed")
    method.begin_epoch(1)
    batches = {part: batch_of(scale, device, part) for part in PARTS}
    return Step(method, supernet, trainer, batches)


def _merged(method: Method, supernet: Supernet, phases: list[Phase]) -> Phase:
    return Phase(
        "joint",
        "train",
        [parameter for phase in phases for parameter in phase.parameters],
        [optimiser for phase in phases for optimiser in phase.optimisers],
        lambda batches: method.objective(supernet, batches["train"]),
        clip=phases[-1].clip,
    )


class PlainStep:
    """First-order DARTS in its textbook form: one module per edge and operation, no memory format,
    gradients of everything in both halves of a step. Optimisers are those of `methods.darts`.
    """

    def __init__(self, scale: Scale, device: torch.device) -> None:
        torch.manual_seed(0)
        space = scale.space
        network: nn.Module = PlainSupernet(space, scale.shape, scale.classes)
        self.network = network.to(device).train()
        shape = (len(space.graph.edges), len(space.operations))
        self.alphas = {
            kind: (1e-3 * torch.randn(shape)).to(device).requires_grad_()
            for kind in ("normal", "reduce")
        }
        self.weights = list(network.parameters())
        self.sgd = torch.optim.SGD(self.weights, 0.025, 0.9, weight_decay=3e-4)
        alphas = list(self.alphas.values())
        self.adam = torch.optim.Adam(alphas, 3e-4, (0.5, 0.999), weight_decay=1e-3)
        self.batches = [
            batch_of(scale, device, part, False) for part in ("weights", "architecture")
        ]

    def loss(self, number: int = 0) -> Tensor:
        """Forward pass to the cross-entropy on one of the two batches."""
        mixture = Mixture({kind: CellMixture(a.softmax(-1)) for kind, a in self.alphas.items()})
        images, labels = self.batches[number]
        return F.cross_entropy(self.network(images, mixture), labels)

    def step(self) -> None:
        """The architecture on one batch, then the weights on another."""
        self.adam.zero_grad()
        self.loss(1).backward()
        self.adam.step()
        self.sgd.zero_grad()
        self.loss(0).backward()
        nn.utils.clip_grad_norm_(self.weights, 5.0)
        self.sgd.step()

    def clear(self) -> None:
        """Drop all gradients."""
        self.adam.zero_grad()
        self.sgd.zero_grad()
