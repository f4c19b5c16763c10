"""What is measured: the project's own training steps, on batches that stay the same."""

from __future__ import annotations

import importlib.metadata
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import bench
from bench import method as contract
from bench.data.augmentation import Augmentation
from bench.data.splits import Batch
from bench.method import Batches, Method, Objective, Phase
from bench.space.supernet import Supernet
from bench.speed.scales import Scale, batch_of, data_of
from bench.training.config import SearchConfig
from bench.training.search import build, uses_channels_last
from bench.training.trainer import Trainer, TrainerOptions

ROOT = Path(bench.__file__).resolve().parent.parent
PARTS = ("train", "weights", "architecture")


def load(name: str) -> type[Method]:
    """The class of a method; where the project is not installed, by its own pyproject.toml.

    Raises ConfigurationError where there is neither.
    """
    project = ROOT / "pyproject.toml"
    if name not in contract.names() and project.exists():
        entries = tomllib.loads(project.read_text())["project"]["entry-points"][contract.GROUP]
        found: type[Method] = importlib.metadata.EntryPoint(
            name, entries[name], contract.GROUP
        ).load()
        return found
    return contract.load(name)


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

    precision: str = "float32"
    compile: bool = False
    graph: bool = False


def make(
    name: str,
    scale: Scale,
    device: torch.device,
    options: dict[str, Any] | None = None,
    mode: Mode | None = None,
    single_level: bool = False,
    seed: int = 0,
) -> Step:
    """A method's step as a search would run it (memory format, phases, optimisers).

    single_level: all parameters from one backward pass on one batch, for a bilevel method.
    """
    kind, mode = load(name), mode or Mode()
    config = SearchConfig(epochs=2, batch_size=scale.batch)
    data = data_of(scale, device, 2 * scale.batch)
    method, supernet = build(kind, kind.Config(**options or {}), scale.space, config, data, seed)
    if mode.compile:
        supernet.compile()
    phases = method.phases(supernet)
    if single_level:
        phases = [_merged(method, supernet, phases)]
    channels_last = uses_channels_last(None, device)
    trainer = Trainer(
        phases,
        data.part,
        {"method": method, "supernet": supernet},
        TrainerOptions(
            epochs=config.epochs,
            batch_size=scale.batch,
            augmentation=Augmentation(),
            precision=mode.precision,
            channels_last=channels_last,
            seed=seed,
            graph=mode.graph,
        ),
        supernet.noise,
    )
    supernet.noise.reseed("speed")
    method.begin_epoch(1)
    batches: dict[str, Batch] = {
        part: batch_of(scale, device, channels_last, part) for part in PARTS
    }
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
