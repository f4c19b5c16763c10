"""The one training loop: search and evaluation, driven by the phases that a method declares."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from bench.data.augmentation import Augmentation
from bench.data.splits import Batch, Split
from bench.method import Objective, Phase
from bench.noise import Noise
from bench.seeds import derive
from bench.space.cpu.memory_format import arrange
from bench.training.checkpoint import Checkpoint
from bench.training.config import EvaluationConfig, SearchConfig
from bench.training.graph import GraphedStep, check
from bench.training.optimisers import prepare

Report = Callable[[int, Mapping[str, float]], None]
"""Called after every epoch with its number, from 1, and the means of its terms and metrics."""


def no_report(epoch: int, metrics: Mapping[str, float]) -> None:
    """Tell nobody."""


class NonFiniteLoss(RuntimeError):
    """A loss, or a parameter after a step, became NaN or infinite."""


@dataclass(frozen=True)
class TrainerOptions:
    """How a trainer runs, apart from what it trains.

    seed: of batch order, augmentation and noise; every epoch's draws are a function of it.
    channels_last: as of `memory_format.arrange`; None: by device.
    graph: replay the step as a CUDA graph.
    """

    epochs: int
    batch_size: int
    augmentation: Augmentation
    precision: str
    channels_last: bool | None
    seed: int
    graph: bool = False

    @classmethod
    def of(
        cls, config: SearchConfig | EvaluationConfig, augmentation: Augmentation, seed: int
    ) -> TrainerOptions:
        """As a study's options say."""
        return cls(
            config.epochs,
            config.batch_size,
            augmentation,
            config.precision,
            config.channels_last,
            seed,
            config.graph,
        )


@dataclass
class Hooks:
    """What happens around epochs; epochs count from 1."""

    before: Callable[[int], None] = lambda epoch: None
    after: Callable[[int], dict[str, Any]] = lambda epoch: {}
    report: Report = no_report


@dataclass
class History:
    """Rows of finished epochs and what they cost."""

    epochs: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = 0.0
    steps: int = 0


class Trainer:
    """Runs phases over epochs.

    Args:
        phases: updates of a step, in order; the last one's split gives the steps of an epoch.
        parts: name -> split, the data that phases may name.
        modules: what a checkpoint has to hold besides the optimisers.
        noise: reseeded at every epoch.
        checkpoint: where to save and resume, or None.
    """

    def __init__(
        self,
        phases: list[Phase],
        parts: Callable[[str], Split],
        modules: Mapping[str, nn.Module],
        options: TrainerOptions,
        noise: Noise,
        *,
        hooks: Hooks | None = None,
        checkpoint: Checkpoint | None = None,
    ) -> None:
        self.phases, self.modules, self.options = phases, modules, options
        self.noise, self.hooks, self.checkpoint = noise, hooks or Hooks(), checkpoint
        self.splits = {phase.part: parts(phase.part) for phase in phases}
        self.steps = self.splits[phases[-1].part].steps(options.batch_size) if phases else 0
        self.everything = [p for module in modules.values() for p in module.parameters()]
        self.history = History()
        self.keys: list[str] = []
        self.enabled = phases
        for phase in phases:
            prepare(phase.optimisers, options.graph)
            for optimiser in phase.optimisers:
                for group in optimiser.param_groups:
                    group.setdefault("initial_lr", group["lr"])
        self.run_step: Callable[[Mapping[str, Batch]], Tensor] = self.step
        if options.graph and phases:
            self.run_step = self._graphed()

    def run(self) -> History:
        """Train to the last epoch, from the checkpoint where there is one.

        Raises NonFiniteLoss at the end of an epoch that had, or left, a NaN or infinite number.
        """
        self._resume()
        for epoch in range(len(self.history.epochs) + 1, self.options.epochs + 1):
            started = time.perf_counter()
            self.noise.reseed(self.options.seed, "noise", epoch)
            self.hooks.before(epoch)
            self._set_rates((epoch - 1) / self.options.epochs)
            row = self._epoch(epoch) | self.hooks.after(epoch)
            row["seconds"] = time.perf_counter() - started
            self.history.epochs.append(row)
            self.history.seconds += row["seconds"]
            self.history.steps += self.steps if self.enabled else 0
            self._save()
            self.hooks.report(epoch, {**row["terms"], **row["metrics"]})
        return self.history

    def _set_rates(self, progress: float) -> None:
        for phase in self.phases:
            factor = phase.schedule(progress)
            for optimiser in phase.optimisers:
                for group in optimiser.param_groups:
                    group["lr"] = group["initial_lr"] * factor

    def _epoch(self, epoch: int) -> dict[str, Any]:
        for module in self.modules.values():
            module.train()
        self._enable()
        if isinstance(self.run_step, GraphedStep):
            self.run_step.begin_epoch()
        streams = {part: self.stream(part, epoch) for part in self.splits}
        sums: Tensor | None = None
        for _ in range(self.steps if self.enabled else 0):
            batches = {part: next(stream) for part, stream in streams.items()}
            values = self.run_step(batches)
            sums = values if sums is None else sums + values
        row = self._read(epoch, sums)
        self._check_parameters(epoch)
        return row

    def _enable(self) -> None:
        """Ask every phase whether it takes part in this epoch; other phases are another graph."""
        enabled = [phase for phase in self.phases if phase.enabled()]
        changed = [phase.name for phase in enabled] != [phase.name for phase in self.enabled]
        self.enabled = enabled
        if changed and enabled and self.options.graph:
            self.run_step = self._graphed()

    def step(self, batches: Mapping[str, Batch]) -> Tensor:
        """All enabled phases once; their terms and metrics as one vector, named by `keys`."""
        values: dict[str, Tensor] = {}
        for phase in self.enabled:
            outcome = self._update(phase, batches)
            for kind, part in (("terms", outcome.terms), ("metrics", outcome.metrics)):
                for name, value in part.items():
                    values[f"{kind}:{phase.name}.{name}"] = value.detach().float()
        self.keys = list(values)
        return torch.stack(list(values.values()))

    def _graphed(self) -> GraphedStep:
        device = next(iter(self.splits.values())).device
        check(device)
        return GraphedStep(self.step, lambda: [self.noise.generator(device)])

    def _update(self, phase: Phase, batches: Mapping[str, Batch]) -> Objective:
        mine = {id(parameter) for parameter in phase.parameters}
        for parameter in self.everything:
            parameter.requires_grad_(id(parameter) in mine)
        for optimiser in phase.optimisers:
            optimiser.zero_grad(set_to_none=True)
        outcome = self._differentiate(phase, batches)
        if phase.clip is not None:
            nn.utils.clip_grad_norm_(phase.parameters, phase.clip)
        for optimiser in phase.optimisers:
            optimiser.step()
        return outcome

    def _differentiate(self, phase: Phase, batches: Mapping[str, Batch]) -> Objective:
        """Write the gradients of a phase."""
        device = next(iter(batches.values())).images.device
        if phase.backward is not None:
            with self.autocast(device, cached=False):
                return phase.backward(batches)
        with self.autocast(device):
            outcome = phase.objective(batches)
        outcome.total().backward()
        return outcome

    def autocast(self, device: torch.device, cached: bool = True) -> torch.autocast:
        """bf16 autocast where the options ask for it; cached: weights are cast once within it."""
        enabled = self.options.precision == "bfloat16"
        return torch.autocast(
            device.type,
            torch.bfloat16,
            enabled=enabled,
            cache_enabled=cached and torch.is_autocast_cache_enabled(),
        )

    def stream(self, part: str, epoch: int) -> Iterator[Batch]:
        """Batches without end: a split shorter than the epoch starts over in another order."""
        options = self.options
        repeat = 0
        while True:
            seed = derive(options.seed, "order", part, repeat)
            for batch in self.splits[part].epoch(
                options.batch_size, seed, epoch, options.augmentation
            ):
                yield Batch(arrange(batch.images, options.channels_last), batch.labels)
            repeat += 1

    def _read(self, epoch: int, sums: Tensor | None) -> dict[str, Any]:
        """One read from the device an epoch."""
        row: dict[str, Any] = {"epoch": epoch, "terms": {}, "metrics": {}}
        if sums is None:  # no phase took part
            return row
        for key, mean in zip(self.keys, (sums / self.steps).tolist(), strict=True):
            kind, name = key.split(":", 1)
            row[kind][name] = mean
            if not math.isfinite(mean):
                raise NonFiniteLoss(f"{name} became {mean} in epoch {epoch}")
        return row

    def _check_parameters(self, epoch: int) -> None:
        """No later loss shows what an epoch's last step has done; one read from the device."""
        flags = [parameter.detach().isfinite().all() for parameter in self.everything]
        if not flags or bool(torch.stack(flags).all()):
            return
        names = [name for module in self.modules.values() for name, _ in module.named_parameters()]
        broken = names[[bool(flag) for flag in flags].index(False)]
        raise NonFiniteLoss(f"parameter {broken} became NaN or infinite in epoch {epoch}")

    def _resume(self) -> None:
        state = self.checkpoint.load() if self.checkpoint is not None else None
        if state is None:
            return
        for name, module in self.modules.items():
            module.load_state_dict(state["modules"][name])
        for optimiser, saved in zip(self._optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(saved)
        self.history = History(**state["history"])

    @property
    def _optimisers(self) -> list[torch.optim.Optimizer]:
        return [optimiser for phase in self.phases for optimiser in phase.optimisers]

    def _save(self) -> None:
        if self.checkpoint is None:
            return
        last = len(self.history.epochs) == self.options.epochs
        self.checkpoint.save(self._state, force=last)

    def _state(self) -> dict[str, Any]:
        return {
            "modules": {name: module.state_dict() for name, module in self.modules.items()},
            "optimisers": [optimiser.state_dict() for optimiser in self._optimisers],
            "history": vars(self.history),
        }
