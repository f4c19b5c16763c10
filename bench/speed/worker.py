"""One variant in a process of its own: its memory is its own, and so is its malloc."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from multiprocessing.connection import Connection

import torch
from torch import Tensor

from bench.errors import BenchError
from bench.run import environment, processes
from bench.space.cpu.freed_memory import keep_memory, release_memory
from bench.speed import kernels, timing
from bench.speed.roofline.work import Work, count
from bench.speed.scales import Scale, shrunk
from bench.speed.steps import Mode, PlainStep, make


@dataclass(frozen=True)
class Variant(Mode):
    """network: fused or plain; keeps_memory: with `keep_memory`, else malloc as it is."""

    network: str = "fused"
    keeps_memory: bool = True


class Worker:
    """The parent's end: starts the process and asks it."""

    def __init__(self, variant: Variant, scale: Scale, device: torch.device, threads: int) -> None:
        self._what = f"{variant.network} at {scale.name}"
        os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # a quiet profiler
        self._answers, far = processes.SPAWN.Pipe()
        self._process = processes.start(serve, (far, variant, scale, device, threads))
        far.close()  # the child's copy alone is left: when it ends, so does `recv`

    def ask(self, command: str) -> dict[str, float]:
        """What `Measured` has under that name. Raises BenchError where the process has died."""
        try:
            self._answers.send(command)
            answer: dict[str, float] = self._answers.recv()
        except (OSError, EOFError) as error:
            self._process.join()
            code = self._process.exitcode or 0
            why = "was killed, perhaps for want of memory" if code < 0 else "failed"
            raise BenchError(
                f"the process that measures {self._what} {why} (status {code});"
                " the parts measured before are written"
            ) from error
        return answer

    def ask_work(self) -> dict[str, Work]:
        """What forward, backward and a whole step compute and move, by name; raises as `ask`."""
        flops, moved = self.ask("flops"), self.ask("moved")
        return {name: Work(flops[name], moved[name]) for name in flops}

    def close(self) -> None:
        """End the process."""
        self._answers.close()
        self._process.join()


class Measured:
    """The process's end: the network, and what can be asked of it."""

    def __init__(self, variant: Variant, scale: Scale, device: torch.device) -> None:
        self.device, self.keeps_memory = device, variant.keeps_memory
        _network(replace(variant, compile=False, graph=False), shrunk(scale), device)[1]()
        self.forward, self.step, self.clear = _network(variant, scale, device)

    def peak(self) -> dict[str, float]:
        """Peak memory of the first step, less what was in use before it."""
        high = environment.PeakMemory(self.device)
        before = high.read()
        self.step()
        timing.synchronise(self.device)
        return {"bytes": max(0, high.read() - before)}

    def time(self) -> dict[str, float]:
        """Seconds: forward, backward to all parameters, and then a whole step.

        A step that does not count comes first, where freed memory is kept: `serve` hands it back
        between the commands.
        """
        if self.keeps_memory:
            self.step()
        self.clear()
        losses: list[Tensor] = []
        forward = timing.seconds(lambda: losses.append(self.forward()), self.device)
        backward = timing.seconds(lambda: losses.pop().backward(), self.device)
        self.clear()
        step = timing.seconds(self.step, self.device)
        return {"forward": forward, "backward": backward, "step": step}

    def steps(self) -> dict[str, float]:
        """Seconds of a whole step alone."""
        return {"step": timing.seconds(self.step, self.device)}

    def kernels(self) -> dict[str, float]:
        """Kernel calls of a whole step."""
        return {"kernels": kernels.count(self.step, self.device)}

    def flops(self) -> dict[str, float]:
        """Floating-point operations of forward, backward and a whole step."""
        return {name: work.flops for name, work in self._work.items()}

    def moved(self) -> dict[str, float]:
        """Bytes that forward, backward and a whole step read and write."""
        return {name: work.bytes for name, work in self._work.items()}

    @cached_property
    def _work(self) -> dict[str, Work]:
        self.clear()
        losses: list[Tensor] = []
        forward = count(lambda: losses.append(self.forward()))
        backward = count(lambda: losses.pop().backward())
        self.clear()
        return {"forward": forward, "backward": backward, "step": count(self.step)}

    def busy(self) -> dict[str, float]:
        """Share of a step in which a CUDA device computes, in percent."""
        wall = timing.seconds(self.step, self.device)
        return {"percent": 100 * kernels.busy_seconds(self.step, self.device) / wall}


def _network(
    variant: Variant, scale: Scale, device: torch.device
) -> tuple[Callable[[], Tensor], Callable[[], object], Callable[[], None]]:
    """forward, step, clear gradients"""
    if variant.network == "plain":
        plain = PlainStep(scale, device)
        return plain.loss, plain.step, plain.clear
    fused = make("darts", scale, device, mode=variant)
    parameters = fused.trainer.everything

    def clear() -> None:
        for parameter in parameters:
            parameter.requires_grad_(True)
            parameter.grad = None

    return lambda: fused.objective().total(), fused.step, clear


def serve(
    questions: Connection, variant: Variant, scale: Scale, device: torch.device, threads: int
) -> None:
    """In the process: answer commands until the other end is closed."""
    processes.end_with_parent()
    torch.set_num_threads(threads)
    if variant.keeps_memory:
        keep_memory()
    measured = Measured(variant, scale, device)
    while True:
        try:
            command = questions.recv()
        except EOFError:
            return
        answer = getattr(measured, command)()
        measured.clear()
        release_memory()  # the machine may not hold what all variants together keep
        with contextlib.suppress(BrokenPipeError):  # the other end is closed: `recv` says so
            questions.send(answer)
