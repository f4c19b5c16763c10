"""Batched seeds: several searches that differ in their seed alone, in one program.

Every search is built as it is alone. Their parameters are stacked, and a phase's objective runs
once under `torch.func.vmap`, which merges the searches' convolutions into grouped ones. Each
search has its own batches, augmentation and noise, drawn in the order in which it draws them alone,
and its own gradient clipping: it equals the search alone within float error (tests/training/
test_batched.py), not bit by bit.

In the first step of every epoch each search's objective is computed alone too: that shows what it
draws, and that the two agree.

Measured with 3 seeds of quickstart (digits, 8 channels, batch 64) on 2 busy cores (AMD EPYC), speed
against one after another: DARTS 0.9 to 1.1, VINNAS 0.9 to 1.0, PGNAS 1.0 with one thread (CPU
time), 1.0, 0.7 and 1.2 with two (wall-clock); at W2, two threads, 0.6 (`bench speed --only
growth`): it does not pay on a CPU, which one search keeps busy. On a GPU it is unmeasured.

What cannot be batched raises `Unsupported`: a phase with a `backward` of its own, an objective that
looks at values (there `vmap` raises) or at state outside of parameters and buffers. An objective
must have no side effects.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from bench.data.splits import Batch
from bench.method import Batches, Objective, Phase
from bench.noise import Draw, Noise, Source
from bench.space.cpu.depthwise import recorded_phases, replayed_phases
from bench.training.batched.stacking import Stack, all_of, clip_each, one_of, stacked_optimiser
from bench.training.trainer import Trainer

TOLERANCE = {"float32": 1e-3, "bfloat16": 5e-2}
"""How far apart (relative to 1 + loss) a loss in the batch and alone may be: more is a mistake."""


class Unsupported(RuntimeError):
    """These searches cannot run in one program; one after another they can."""


class _Whole(nn.Module):
    """What a search trains, as one module whose forward pass is whatever it is handed."""

    def __init__(self, modules: Mapping[str, nn.Module]) -> None:
        super().__init__()
        for name, module in modules.items():
            self.add_module(name, module)

    def forward(self, objective: Callable[[Batches], Objective], batches: Batches) -> Objective:
        return objective(batches)


class BatchedTrainer(Trainer):
    """Runs trainers of equal searches together; each keeps its own history, hooks and checkpoint.

    `run` returns the first one's history; the others are their trainers'. Checkpoints are those of
    the searches alone, so that either can continue the other's.

    Args:
        peak: memory used so far at most, bytes.

    Raises Unsupported.
    """

    def __init__(self, trainers: Sequence[Trainer], peak: Callable[[], int] = int) -> None:
        first = trainers[0]
        self.peak = peak
        for phase in first.phases:
            if phase.backward is not None:
                raise Unsupported(f"phase {phase.name!r} computes its gradients itself")
        if first.options.graph:
            raise Unsupported("search.graph captures one search alone")
        self.trainers = list(trainers)
        self.wholes = [_Whole(trainer.modules) for trainer in trainers]
        self.stack = Stack(self.wholes)
        try:
            phases = [self._stack_phase(phase) for phase in first.phases]
        except (KeyError, TypeError) as error:
            raise Unsupported(f"its optimisers: {error}") from error
        super().__init__(
            phases,
            first.splits.__getitem__,
            {str(number): whole for number, whole in enumerate(self.wholes)},
            first.options,
            first.noise,
        )
        self.everything = self.stack.leaves  # type: ignore[assignment]
        self._own: dict[str, tuple[Batch, ...]] = {}
        self._draws: dict[str, list[Draw]] = {}
        self._phases: dict[str, list[bool]] = {}

    def _stack_phase(self, phase: Phase) -> Phase:
        leaves: list[Any] = [self.stack.leaf(parameter) for parameter in phase.parameters]
        optimisers = [stacked_optimiser(one, self.stack.leaf) for one in phase.optimisers]
        return dataclasses.replace(phase, parameters=leaves, optimisers=optimisers)

    def _begin(self, epoch: int) -> None:
        for trainer in self.trainers:
            trainer._begin(epoch)
        self._draws.clear()

    def _finish(self, epoch: int, row: dict[str, Any], started: float) -> None:
        members = len(self.trainers)
        for row, trainer in zip(self.rows, self.trainers, strict=True):
            row.update(trainer.hooks.after(epoch))
        self.stack.link()
        seconds = (time.perf_counter() - started) / members
        for row, trainer in zip(self.rows, self.trainers, strict=True):
            trainer._log(row, seconds, self.steps if self.enabled else 0)
            trainer.history.batched_seeds = members
            trainer.history.peak_memory_bytes = self.peak()
        self._save()
        for row, trainer in zip(self.rows, self.trainers, strict=True):
            trainer.hooks.report(epoch, {**row["terms"], **row["metrics"]})

    def _enable(self) -> None:
        super()._enable()
        mine = [phase.name for phase in self.enabled]
        for trainer in self.trainers:
            if [phase.name for phase in trainer.phases if phase.enabled()] != mine:
                raise Unsupported("from here on the searches run different phases")

    def stream(self, part: str, epoch: int) -> Iterator[Batch]:
        """Stacks of the searches' own batches."""
        for batches in zip(*(t.stream(part, epoch) for t in self.trainers), strict=True):
            self._own[part] = batches
            images, labels = ([batch[field] for batch in batches] for field in (0, 1))
            yield Batch(torch.stack(images), torch.stack(labels))

    def _read(self, epoch: int, sums: Tensor | None) -> dict[str, Any]:
        """One read from the device an epoch."""
        sums = None if sums is None else sums.cpu()
        self.rows = []
        for number, trainer in enumerate(self.trainers):
            trainer.keys = self.keys
            self.rows.append(trainer._read(epoch, None if sums is None else sums[:, number]))
        return self.rows[0]

    # -- one update -----------------------------------------------------------------------------

    def _differentiate(self, phase: Phase, batches: Mapping[str, Batch]) -> Objective:
        first = phase.name not in self._draws
        if first:
            alone, draws = self._alone(phase)
        else:
            draws = [
                torch.stack([trainer.noise.sample(draw) for trainer in self.trainers])
                for draw in self._draws[phase.name]
            ]
        totals, terms, metrics = self._together(phase, batches, draws)
        totals.sum().backward()
        if first:
            self._compare(phase, alone, totals.detach())
        return Objective(terms, metrics)

    def _clip(self, parameters: list[nn.Parameter], largest: float) -> None:
        clip_each(parameters, largest)

    def _together(
        self, phase: Phase, batches: Mapping[str, Batch], draws: list[Tensor]
    ) -> tuple[Tensor, dict[str, Tensor], dict[str, Tensor]]:
        """Totals, terms and metrics, [searches] each, of the first search's objective."""
        expected, phases = self._draws[phase.name], self._phases[phase.name]

        def one(
            tensors: dict[str, Tensor], mine: Batches, drawn: list[Tensor]
        ) -> tuple[Tensor, dict[str, Tensor], dict[str, Tensor]]:
            following = iter(zip(expected, drawn, strict=True))

            def source(law: str, like: Tensor) -> Tensor:
                draw, tensor = next(following)
                if (draw.law, draw.shape, draw.dtype) != (law, tuple(like.shape), like.dtype):
                    raise Unsupported("the random draws of a step change from step to step")
                return tensor

            with self.noise.redirected(source):
                outcome = functional_call(self.wholes[0], tensors, (phase.objective, mine))
            return outcome.total(), dict(outcome.terms), dict(outcome.metrics)

        device = next(iter(batches.values())).images.device
        with replayed_phases(phases), self.autocast(device):
            return vmap(one)(self.stack.tensors, dict(batches), draws)

    def _alone(self, phase: Phase) -> tuple[list[Tensor], list[Tensor]]:
        """The totals of every search's own objective, and what they drew for it (stacked)."""
        number = self.phases.index(phase)
        totals = []
        forms: list[list[Draw]] = []
        drawn: list[list[Tensor]] = []
        for member, trainer in enumerate(self.trainers):
            batches = {part: own[member] for part, own in self._own.items()}
            device = next(iter(batches.values())).images.device
            form: list[Draw] = []
            phases: list[bool] = []
            tensors: list[Tensor] = []

            objective = trainer.phases[number].objective
            with (
                torch.no_grad(),
                trainer.noise.redirected(_recording(trainer.noise, form, tensors)),
                recorded_phases(phases),
                self.autocast(device),
            ):
                totals.append(objective(batches).total())
            forms.append(form)
            drawn.append(tensors)
        if any(form != forms[0] for form in forms):
            raise Unsupported("the searches draw different random numbers")
        self._draws[phase.name], self._phases[phase.name] = forms[0], phases
        return totals, [torch.stack(tensors) for tensors in zip(*drawn, strict=True)]

    def _compare(self, phase: Phase, alone: list[Tensor], together: Tensor) -> None:
        expected = torch.stack(alone).cpu()
        apart = (together.cpu() - expected).abs() / (1 + expected.abs())
        if bool((apart > TOLERANCE[self.options.precision]).any()):  # a NaN is not: _read sees it
            raise Unsupported(f"phase {phase.name!r} has another loss in the batch than alone")
        if any(parameter.grad is not None for parameter in self.wholes[0].parameters()):
            raise Unsupported(f"phase {phase.name!r} uses parameters that it took out beforehand")

    # -- checkpoints ----------------------------------------------------------------------------

    def _resume(self) -> None:
        checkpoints = [t.checkpoint for t in self.trainers if t.checkpoint is not None]
        states = [state for c in checkpoints if (state := c.load()) is not None]
        if states:
            epochs = {len(state["history"]["epochs"]) for state in states}
            if len(epochs) > 1 or len(states) < len(self.trainers):
                raise Unsupported("their checkpoints are of different epochs")
            for trainer, state in zip(self.trainers, states, strict=True):
                trainer._restore(state)
            saved = zip(*(state["optimisers"] for state in states), strict=True)
            self._restore_optimisers(map(all_of, saved))
        self.history = self.trainers[0].history

    def _save(self) -> None:
        """All or none: a checkpoint of one epoch and one of another could not go on together."""
        force = len(self.history.epochs) == self.options.epochs
        for number, trainer in enumerate(self.trainers):
            checkpoint = trainer.checkpoint
            if checkpoint is None:
                continue
            before = checkpoint.saved_at
            checkpoint.save(lambda number=number: self._member(number), force)  # type: ignore[misc]
            if checkpoint.saved_at == before:
                return
            force = True

    def _member(self, number: int) -> dict[str, Any]:
        """The state of a search as its own trainer would save it."""
        trainer = self.trainers[number]
        modules = {
            name: {key: value.clone() for key, value in module.state_dict().items()}
            for name, module in trainer.modules.items()
        }
        optimisers = [one_of(optimiser.state_dict(), number) for optimiser in self._optimisers]
        return {"modules": modules, "optimisers": optimisers, "history": vars(trainer.history)}


def _recording(noise: Noise, form: list[Draw], tensors: list[Tensor]) -> Source:
    """Draws as usual, and notes what."""

    def source(law: Any, like: Tensor) -> Tensor:
        form.append(Draw.like(law, like))
        tensors.append(noise.sample(form[-1]))
        return tensors[-1].clone()

    return source
